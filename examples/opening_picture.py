"""Makes the picture at the top of the README from a data set: paintings with their variants, and a triplet beneath.

python examples/opening_picture.py artsim-demo/dataset docs/opening.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from artsim_dataset import load_artsim

HEIGHT, GAP, LABEL = 200, 12, 22


def content(row: dict[str, Any], column: str) -> Image.Image:
    return row[column].crop([row[f"content_{side}"] for side in ("left", "top", "right", "bottom")])


def strip(pictures: list[tuple[str, Image.Image]]) -> Image.Image:
    """Pictures of one height side by side, a label under each."""
    scaled = [(text, p.resize((round(p.width * HEIGHT / p.height), HEIGHT))) for text, p in pictures]
    width = sum(p.width + GAP for _, p in scaled) + GAP
    sheet = Image.new("RGB", (width, HEIGHT + LABEL + GAP), "white")
    draw, left = ImageDraw.Draw(sheet), GAP
    for text, picture in scaled:
        sheet.paste(picture, (left, GAP))
        draw.text((left, GAP + HEIGHT + 3), text, fill="#444444", font=ImageFont.load_default(13))
        left += picture.width + GAP
    return sheet


def main(dataset: str, out: Path) -> None:
    pairs: Any = load_artsim(dataset, "pairs", split="test")
    wanted = {level: [row for row in pairs if row["level"] == level][:2] for level in ("moderate", "radical")}
    shown = []
    for level, rows in wanted.items():
        for row in rows:
            shown += [(row["genre"].replace("_", " "), content(row, "original")), (level, content(row, "generated"))]
    triplet: Any = load_artsim(dataset, "triplets", split="test")[3]
    below = [(f"{name}", triplet[name]) for name in ("anchor", "positive", "negative")]
    rows_ = [strip(shown[:4]), strip(shown[4:]), strip(below)]
    sheet = Image.new("RGB", (max(r.width for r in rows_), sum(r.height for r in rows_) + GAP), "white")
    top = 0
    for row_ in rows_:
        sheet.paste(row_, (0, top))
        top += row_.height
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, quality=88)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
