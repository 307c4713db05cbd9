"""Other rows than the published ones, made from the published files alone: image sizes, negatives, seeds, splits.

`load_artsim` and `loading_script.py` both take their rows from here, so they are the same rows. Which paintings are in
which split and which one is a negative is decided by `splits.py` and `triplets.py`, the functions that the build uses:
with the build's own scheme and seed the published rows come out, byte for byte.

Pictures of drawn triplets come from ``real_vs_ai``, which has every painting and every variant once, cropped and small;
larger ones are cut out of ``pairs``. They are put into a temporary file first, since a negative may be anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pyarrow as pa

from artsim_dataset import schema
from artsim_dataset.loading.options import IMAGES, SCHEMES, Options
from artsim_dataset.loading.published import Files, Published
from artsim_dataset.loading.small_pictures import AI, ORIGINAL, Key, Pictures, Row, read_rows, scaled, size_of
from artsim_dataset.schema import BOX_COLUMNS, SPLITS, painting_id_of, slug
from artsim_dataset.splits import assign_splits
from artsim_dataset.triplets import Work, sample_triplets

Part = tuple[str, int, int]
"""A share of a split's rows: the split, the share's number, and how many shares there are. A file is a share of rows
that are read as they are published."""

COLUMNS = {
    "pairs": schema.PAIR_COLUMNS,
    "triplets": schema.TRIPLET_COLUMNS,
    "triplets_hard": schema.TRIPLET_COLUMNS,
    "real_vs_ai": schema.REAL_VS_AI_COLUMNS,
    "metadata": schema.METADATA_COLUMNS,
}
FACTS = ("id", "genre", "artist", "group", "level", "caption", "generated_caption")
SHARES = 16
"""Of a split whose rows are drawn: as many processes can share the work."""


@dataclass(frozen=True)
class Derived:
    """The rows of one config under some options. Small and picklable: it holds where rows are, not the rows.

    Attributes:
        config: pairs, triplets, triplets_hard, real_vs_ai or metadata.
        options: checked against ``config``.
        files: of the configs that :meth:`needs` names.
        seed: of the build.
        small: longest side in pixels of the published small pictures.
        quality: JPEG quality of them, and of all that is scaled here.
        digest: of the published data, so that a cache never takes two builds for one.
    """

    config: str
    options: Options
    files: Files
    seed: int
    small: int
    quality: int
    digest: str

    @classmethod
    def of(cls, published: Published, config: str, options: Options, streaming: bool = False) -> Derived:
        """For a data set that was found; downloads the files it needs from the Hub, unless ``streaming``."""
        return cls.from_build(config, options, published.build, lambda configs: published.files(configs, streaming))

    @classmethod
    def from_build(
        cls, config: str, options: Options, build: Mapping[str, Any], files: Callable[[set[str]], Files]
    ) -> Derived:
        """``build``: what build.json says. ``files``: called with the names of configs, gives their :data:`Files`."""
        options.check(config)
        crop = build["settings"]["crop"]
        derived = cls(config, options, {}, build["seed"], crop["size"], crop["quality"], build["digest"])
        return replace(derived, files=files(derived.needs()))

    def needs(self) -> set[str]:
        """The published configs that the rows are made from."""
        facts = {"metadata"} if self._drawn or self.options.splits != "published" else set()
        return facts | ({self._store} if self._store else set()) | (set() if self._drawn else {self._folder})

    def splits(self) -> list[str]:
        """The splits that have rows: `datasets` knows no empty one. May have to read the facts of all variants."""
        if self._drawn:
            return [split for split in SPLITS if self._draw(split)]
        if self.options.splits != "published":
            return [split for split in SPLITS if split in self._split_of(self._facts()).values()]
        return [split for split in SPLITS if self.files[self._folder][split]]

    def parts(self, split: str) -> list[Part]:
        """Shares of a split, for :meth:`rows`."""
        count = SHARES if self._store else len(self._read_as_published(split))
        return [(split, number, count) for number in range(count)]

    def rows(self, parts: Sequence[Part]) -> Iterator[Row]:
        """The rows of some shares, images as ``{"bytes", "path"}``. All shares of a split in order are the split."""
        if not self._store:
            columns = COLUMNS[self.config]
            inside = self._filter()
            for split, number, _ in parts:
                rows = read_rows(self._read_as_published(split)[number : number + 1], columns)
                yield from (self._scaled(row) for row in rows if inside(row, split))
            return
        splits = {split: self._light(split) for split in {split for split, _, _ in parts}}
        light = [row for split, number, count in parts for row in _share(splits[split], number, count)]
        wanted = {key for row in light for key in self._keys(row).values()}
        files = {self._store: self.files[self._store]}
        with Pictures(files, wanted, self.options.image_size, self.quality) as pictures:
            for row in light:
                yield row | {name: pictures.get(key) for name, key in self._keys(row).items()}

    def tables(self, parts: Sequence[Part]) -> Iterator[pa.Table]:
        """The same rows as tables of up to 100, as `datasets` writes them."""
        from artsim_dataset.features import FEATURES

        rows = self.rows(parts)
        while batch := list(islice(rows, 100)):
            yield pa.Table.from_pylist(batch, schema=FEATURES[self.config].arrow_schema)

    # --- which rows -----------------------------------------------------------------------------------------------

    @property
    def _drawn(self) -> bool:
        """Whether triplets are drawn anew."""
        random = self.config == "triplets" and self.options.negatives != "hard"
        return random and (self.options.seed is not None or self.options.splits != "published")

    @property
    def _folder(self) -> str:
        return "triplets_hard" if self.options.negatives == "hard" else self.config

    @property
    def _store(self) -> str:
        """The config that pictures are looked up in; '' when each row has its own at hand."""
        if self.config != "pairs" and (self.options.image_size or 0) > self.small:
            return "pairs"
        return "real_vs_ai" if self._drawn else ""

    def _facts(self) -> list[Row]:
        """Of every variant, in the order of the data set, with its published split."""
        files = self.files["metadata"]
        return [row | {"split": split} for split in SPLITS for row in read_rows(files[split], FACTS)]

    def _split_of(self, facts: Sequence[Row]) -> dict[str, str]:
        """Painting -> split."""
        paintings = {painting_id_of(row["id"]): row for row in reversed(facts)}
        if self.options.splits == "published":
            return {painting: row["split"] for painting, row in paintings.items()}
        scheme, share = SCHEMES[self.options.splits]
        rows = list(paintings.values())
        splits = assign_splits(
            list(paintings),
            [row["group"] for row in rows],
            [row["genre"] for row in rows],
            [slug(row["artist"]) for row in rows],
            scheme=scheme,
            train_share=share,
            seed=self.seed if self.options.seed is None else self.options.seed,
        )
        return dict(zip(paintings, splits, strict=True))

    def _read_as_published(self, split: str) -> tuple[str, ...]:
        """The files that hold the rows of ``split``, and with other splits than the published ones more than those."""
        files = self.files[self._folder]
        return files[split] if self.options.splits == "published" else tuple(f for old in SPLITS for f in files[old])

    def _filter(self) -> Callable[[Row, str], bool]:
        """Whether a row of those files is in a split."""
        if self.options.splits == "published":
            return lambda row, split: True
        split_of = self._split_of(self._facts())
        return lambda row, split: split_of[self._painting(row)] == split

    def _painting(self, row: Row) -> str:
        return row["id"] if row.get("label") == ORIGINAL else painting_id_of(row["id"])

    def _light(self, split: str) -> list[Row]:
        """All rows of a split without their images."""
        if self._drawn:
            return self._draw(split)
        columns = [name for name in COLUMNS[self.config] if name not in IMAGES[self.config]]
        inside = self._filter()
        return [row for row in read_rows(self._read_as_published(split), columns) if inside(row, split)]

    def _draw(self, split: str) -> list[Row]:
        """Triplets drawn anew. A variant for whose painting the split has no other genre is left out."""
        facts = self._facts()
        split_of = self._split_of(facts)
        variants = {row["id"]: row for row in facts}
        paintings = {painting_id_of(row["id"]): row for row in reversed(facts)}
        works = {id_: Work(row["genre"], split_of[id_], row["group"]) for id_, row in paintings.items()}
        seed = self.seed if self.options.seed is None else self.options.seed
        triplets, _ = sample_triplets([(id_, painting_id_of(id_)) for id_ in variants], works, seed)
        return [
            {
                "anchor_id": triplet.anchor_id,
                "positive_id": triplet.positive_id,
                "negative_id": triplet.negative_id,
                "anchor_genre": paintings[triplet.anchor_id]["genre"],
                "negative_genre": paintings[triplet.negative_id]["genre"],
                "level": variants[triplet.positive_id]["level"],
                "anchor_caption": paintings[triplet.anchor_id]["caption"],
                "positive_caption": variants[triplet.positive_id]["generated_caption"],
                "negative_caption": paintings[triplet.negative_id]["caption"],
            }
            for triplet in triplets
            if split_of[triplet.anchor_id] == split
        ]

    # --- their pictures -------------------------------------------------------------------------------------------

    def _keys(self, row: Row) -> dict[str, Key]:
        """Image column -> which picture it shows."""
        if self.config == "real_vs_ai":
            return {"image": (row["label"], row["id"])}
        return {
            "anchor": (ORIGINAL, row["anchor_id"]),
            "positive": (AI, row["positive_id"]),
            "negative": (ORIGINAL, row["negative_id"]),
        }

    def _scaled(self, row: Row) -> Row:
        """The row with its own images at the size wanted."""
        size = self.options.image_size
        if size is None:
            return row
        box = tuple(row[side] for side in BOX_COLUMNS) if self.config == "pairs" else None
        for name in IMAGES[self.config]:
            image = row[name]
            row[name] = {"bytes": scaled(image["bytes"], size, self.quality, box), "path": image["path"]}
        if box:
            width, height = size_of(row[IMAGES[self.config][0]]["bytes"])
            row |= dict(zip(BOX_COLUMNS, (0, 0, width, height), strict=True))
        return row


def _share(rows: Sequence[Row], number: int, count: int) -> Sequence[Row]:
    """One of ``count`` shares of about the same length, in order."""
    return rows[len(rows) * number // count : len(rows) * (number + 1) // count]
