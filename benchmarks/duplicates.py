"""Near-duplicates: how many planted copies of each kind are found, and how many strangers are joined by mistake.

    python -m benchmarks.duplicates

Copies of every n-th painting are added to all paintings, as a second source would bring them, one kind at a time, and
grouped as the build groups them, without and with style vectors. Then everything is split with those groups, and copies
on the other side of the split than their painting are counted. No false pair is the goal; the wrong ones are named.

The last lines are the audit: recall and precision over the kinds that sources differ in (``AUDITED``), with style
vectors as in a build, and the rate of near-duplicates among the paintings themselves.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from artsim_dataset.images import decode
from artsim_dataset.letterbox import letterbox
from artsim_dataset.schema import seed_from
from artsim_dataset.splits import assign_splits, group_paintings
from artsim_dataset.style_network import style_vectors
from benchmarks.measure import header, paintings, record

Copy = Callable[[Image.Image, np.random.Generator], Image.Image]


def crop(share: float) -> Copy:
    """A part of the picture, ``share`` of each side, at a random place."""

    def cut(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = int(image.width * share), int(image.height * share)
        left, top = rng.integers(0, image.width - width + 1), rng.integers(0, image.height - height + 1)
        return image.crop((int(left), int(top), int(left) + width, int(top) + height))

    return cut


def border(colour: str) -> Copy:
    return lambda image, rng: ImageOps.expand(image, int(rng.uniform(0.03, 0.12) * max(image.size)), colour)


def frame(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A mottled golden frame."""
    edge = int(rng.uniform(0.04, 0.12) * max(image.size))
    width, height = image.width + 2 * edge, image.height + 2 * edge
    mottle = rng.integers(0, 90, (max(3, height // 12), max(3, width // 12), 3)) + [95, 65, 10]
    wood = Image.fromarray(mottle.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    wood.paste(image, (edge, edge))
    return wood


def hue(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    turn = int(rng.integers(30, 226))
    first, *others = image.convert("HSV").split()
    return Image.merge("HSV", (first.point(lambda value: (value + turn) % 256), *others)).convert("RGB")


def cast(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Another scanner or varnish: each channel times 0.7 to 1.2, and a shift."""
    pixels = np.asarray(image, np.float32) * rng.uniform(0.7, 1.2, 3) + rng.uniform(-25, 25, 3)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def gamma(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    power = rng.choice([0.5, 0.65, 1.6, 2.0])
    return image.point(lambda value: int(255 * (value / 255) ** power + 0.5))


def both(first: Copy, second: Copy) -> Copy:
    return lambda image, rng: second(first(image, rng), rng)


def grey(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.convert("L").convert("RGB")


def mirror(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(image)


KINDS: dict[str, Copy] = {
    "re-encoded": lambda image, rng: image,
    "resized to 60 %": lambda image, rng: image.resize((image.width * 6 // 10, image.height * 6 // 10)),
    "resized to 25 %": lambda image, rng: image.resize((image.width // 4, image.height // 4)),
    **{f"crop, {share:.0%} of each side": crop(share) for share in (0.95, 0.9, 0.85, 0.8, 0.75, 0.7)},
    "black border": border("black"),
    "white border": border("white"),
    "frame": frame,
    "colour cast": cast,
    "other hue": hue,
    "saturation": lambda image, rng: ImageEnhance.Color(image).enhance(rng.choice([0.2, 0.4, 2.5])),
    "gamma": gamma,
    "grey": grey,
    "mirrored": mirror,
    "turned by 90 degrees": lambda image, rng: image.rotate(90, expand=True),
    "crop 85 %, other hue": both(crop(0.85), hue),
    "crop 85 %, grey": both(crop(0.85), grey),
    "crop 85 %, mirrored": both(crop(0.85), mirror),
    "frame, gamma": both(frame, gamma),
}


AUDITED = ("re-encoded", "resized to 60 %", "resized to 25 %", "crop, 95% of each side", "black border", "white border",
           "frame", "colour cast", "grey")  # fmt: skip
"""How one painting differs between two sources."""


class Measured:
    """What grouping needs of some pictures."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.hashes: list[str] = []
        self.thumbs: list[np.ndarray] = []
        self.vectors: list[np.ndarray] = []

    def add(self, name: str, image: Image.Image, quality: int = 90) -> None:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        done = letterbox(buffer.getvalue())
        left, top, right, bottom = done.box
        self.ids.append(name)
        self.hashes.append(done.phash)
        self.thumbs.append(np.frombuffer(done.thumb, np.uint8))
        self.vectors.append(style_vectors([Image.fromarray(decode(done.jpeg)[top:bottom, left:right])])[0])

    def groups(self, copies: Measured, styled: bool) -> dict[str, str]:
        ids = self.ids + copies.ids
        vectors = np.stack(self.vectors + copies.vectors) if styled else None
        thumbs = np.stack(self.thumbs + copies.thumbs)
        return dict(zip(ids, group_paintings(ids, self.hashes + copies.hashes, thumbs, vectors), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", help="folder of paintings")
    parser.add_argument("--every", type=int, default=8, help="plant copies of every n-th painting")
    options = parser.parse_args()
    folder = paintings(options.paintings)
    files = sorted(folder.rglob("*.jpg"))
    images = {f"o {file.relative_to(folder)}": Image.open(file).convert("RGB") for file in files}
    originals = Measured()
    for name, image in images.items():
        originals.add(name, image)
    planted = list(images)[:: options.every]
    print(f"{len(images)} paintings, {len(planted)} copies of each kind; {header()}")
    print(f"{'share of copies found':28}without style vectors / with")
    false: set[tuple[str, str]] = set()
    found: dict[str, list[float]] = {}
    for kind, change in KINDS.items():
        copies = Measured()
        for name in planted:
            rng = np.random.default_rng(seed_from(name, kind))
            copies.add(f"p {name}", change(images[name], rng), quality=int(rng.integers(50, 90)))
        found[kind] = []
        for styled in (False, True):
            groups = originals.groups(copies, styled)
            found[kind].append(float(np.mean([groups[name] == groups[f"p {name}"] for name in planted])))
            false |= {(name, groups[name]) for name in images if groups[name] != name}
        print(
            f"{kind:28}{found[kind][0]:.3f} / {found[kind][1]:.3f}   cut by the split: {_cut(groups, planted)}",
            flush=True,
        )
    print(
        f"pairs of different paintings joined (goal 0): {len(false)}, {len(false) / len(images):.2%} of the paintings"
    )
    for pair in sorted(false):
        print("   ", *pair, sep="  ")
    right = sum(found[kind][1] for kind in AUDITED) * len(planted)
    recall, precision = right / (len(AUDITED) * len(planted)), right / (right + len(false))
    print(f"audit: recall {recall:.4f}, precision {precision:.4f}")
    record(f"planted copies of {len(planted)} of {len(images)} paintings, recall", [recall], ">= 0.95", 3)
    record(f"planted copies of {len(planted)} of {len(images)} paintings, precision", [precision], ">= 0.95", 3)


def _cut(groups: dict[str, str], planted: list[str]) -> int:
    """How many copies that were found lie on the other side of a random split than their painting."""
    ids = list(groups)
    genres = [name.removeprefix("p ").removeprefix("o ").partition("/")[0] for name in ids]
    split = dict(zip(ids, assign_splits(ids, list(groups.values()), genres, [""] * len(ids)), strict=True))
    return sum(groups[name] == groups[f"p {name}"] and split[name] != split[f"p {name}"] for name in planted)


if __name__ == "__main__":
    main()
