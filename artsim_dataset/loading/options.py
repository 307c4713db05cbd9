"""What can be asked of a data set beside what it has: image sizes, negatives, seeds, splits. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Integral
from typing import Literal

from artsim_dataset.errors import ConfigError

SplitName = Literal["published", "80/20", "40/60", "artist-disjoint"]
SCHEMES: dict[str, tuple[Literal["random", "artist-disjoint"], float]] = {
    "80/20": ("random", 0.8),
    "40/60": ("random", 0.4),
    "artist-disjoint": ("artist-disjoint", 0.8),
}
"""Name -> what must not be on both sides, and the share of train. Near-duplicates never are."""

IMAGES = {
    "pairs": ("original", "generated"),
    "triplets": ("anchor", "positive", "negative"),
    "triplets_hard": ("anchor", "positive", "negative"),
    "real_vs_ai": ("image",),
}


@dataclass(frozen=True)
class Options:
    """How rows shall differ from the published ones; by default they don't.

    Attributes:
        image_size: longest side of every image in pixels; larger ones are scaled down, none is scaled up. The images of
            ``pairs`` are then cropped to their content too, and the content box is the whole image.
        negatives: ``random`` (of another genre) or ``hard`` (the most similar painting of the anchor's genre, as
            published in ``triplets_hard``). Config ``triplets`` only.
        seed: draws other random negatives, and with ``splits`` other splits; the build's own seed when None.
        splits: ``80/20`` or ``40/60`` (paintings to train on and to test on), ``artist-disjoint`` (80/20, no artist on
            both sides), or ``published``.
    """

    image_size: int | None = None
    negatives: Literal["random", "hard"] | None = None
    seed: int | None = None
    splits: SplitName = "published"

    def check(self, config: str) -> None:
        """Raises ConfigError for a value out of range, or one that means nothing for ``config``."""
        for name in ("image_size", "seed"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, Integral)):
                raise ConfigError(f"{name} is a whole number, not {value!r}")
        if self.image_size is not None and self.image_size < 1:
            raise ConfigError(f"image_size is a number of pixels, 1 or more, not {self.image_size}")
        if self.image_size is not None and config not in IMAGES:
            raise ConfigError(f"the config '{config}' has no images, so image_size means nothing there")
        if self.negatives not in (None, "random", "hard"):
            raise ConfigError(f"negatives are 'random' or 'hard', not '{self.negatives}'")
        if self.negatives is not None and config != "triplets":
            raise ConfigError(f"negatives are chosen for the config 'triplets', not for '{config}'")
        if self.splits not in ("published", *SCHEMES):
            raise ConfigError(f"splits are 'published', {', '.join(map(repr, SCHEMES))}, not '{self.splits}'")
        if self.seed is not None and self.seed < 0:
            raise ConfigError(f"the seed is 0 or more, not {self.seed}")
        hard = config == "triplets_hard" or self.negatives == "hard"
        if hard and self.splits != "published":
            raise ConfigError(
                "hard negatives are mined when a data set is built, for its own splits; keep splits='published', "
                "or build with --set split.scheme=... --set split.train=..."
            )
        if self.seed is not None and self.splits == "published" and (hard or config != "triplets"):
            raise ConfigError("a seed draws random negatives of 'triplets' and splits; nothing is drawn here")

    def given(self) -> dict[str, str | int]:
        """The options that ask for something else than what is published, by name.

        >>> Options(image_size=128).given(), Options(negatives="random").given()
        ({'image_size': 128}, {})
        """
        plain = {"splits": "published", "negatives": "random"}
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value not in (None, plain.get(name))}
