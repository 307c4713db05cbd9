"""What happens to pictures on their way through the web: JPEG again, blur, smaller, cropped.

A degradation comes before the detector's own pipeline, as it does in life. All are pure functions of the pixels.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageFilter

from artsim_dataset.detector.pipeline import USED

Kind = Literal["none", "jpeg", "blur", "resize", "crop"]


@dataclass(frozen=True)
class Degradation:
    """``amount``: quality of the JPEG (1 to 100), deviation of the blur in pixels, or the share of each side (0 to 1)
    that is left after scaling down or cropping around the centre."""

    kind: Kind = "none"
    amount: float = 0.0

    def apply(self, image: Image.Image) -> Image.Image:
        """The degraded image, RGB, at least one pixel a side."""
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        if self.kind == "jpeg":
            data = io.BytesIO()
            rgb.save(data, "JPEG", quality=int(self.amount))
            with Image.open(data) as again:
                return again.convert("RGB")
        if self.kind == "blur":
            return rgb.filter(ImageFilter.GaussianBlur(self.amount))
        width, height = max(1, round(rgb.width * self.amount)), max(1, round(rgb.height * self.amount))
        if self.kind == "resize":
            return rgb.resize((width, height), Image.Resampling.BICUBIC)
        if self.kind == "crop":
            left, top = (rgb.width - width) // 2, (rgb.height - height) // 2
            return rgb.crop((left, top, left + width, top + height))
        return rgb

    @property
    def name(self) -> str:
        """
        >>> Degradation("jpeg", 30).name, Degradation("crop", 0.5).name, Degradation().name
        ('jpeg 30', 'crop 0.5', 'none')
        """
        return f"{self.kind} {self.amount:g}" if self.kind != "none" else "none"


@dataclass(frozen=True)
class Degraded:
    """A degradation and then the recipe that detectors are used with: what a detector sees of a degraded image."""

    degradation: Degradation

    def apply(self, image: Image.Image) -> Image.Image:
        return USED.apply(self.degradation.apply(image))

    @property
    def key(self) -> str:
        """As :attr:`Recipe.key`; of an image that is not degraded the same as ``USED.key``."""
        return USED.key if self.degradation.kind == "none" else f"{self.degradation.name}, {USED.key}"


DEGRADATIONS: tuple[Degradation, ...] = (
    *(Degradation("jpeg", quality) for quality in (90, 70, 50, 30)),
    *(Degradation("blur", pixels) for pixels in (1.0, 2.0)),
    *(Degradation("resize", share) for share in (0.75, 0.5)),
    *(Degradation("crop", share) for share in (0.75, 0.5)),
)
"""What every evaluation reports, from weak to strong."""
