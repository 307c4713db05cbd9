"""Checks of every image: it decodes, has the stated size and nothing but pixels, and shows what its row says.

Images are decoded a few rows at a time, on all cores. The same bytes under the same id are decoded once: a painting's
small picture stands in many triplets.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from PIL import Image

from artsim_dataset.loading.originals import PUBLISHED
from artsim_dataset.schema import BOX_COLUMNS, LABELS, painting_id_of
from artsim_dataset.validate.decode import BAR_LEVEL, Box, Measured, bits_apart, difference, measure
from artsim_dataset.validate.findings import Log, Watcher
from artsim_dataset.validate.index import Index
from artsim_dataset.validate.rows import PHASH, is_hash
from artsim_dataset.validate.tables import Row, Tables

DECODE, FORMAT, SIZE, BARS, FLAT, ONE_ORIGINAL, SMALL_SIZE, SMALL_SAME, SMALL_SHOWS, ENCODING = CHECKS = (
    "images: decode",
    "images: plain JPEG",
    "images: size",
    "images: bars are black",
    "images: variant is a picture",
    "images: one original",
    "small pictures: size",
    "small pictures: the same everywhere",
    "small pictures: show their row",
    "real_vs_ai: one encoding",
)
LOOK_DIFFERENCE = 6.0
"""Grey levels of 255, the mean over a look, above which two looks are not of one picture (JPEG: 0 to 2)."""

HASH_DIFFERENCE = 16
"""Bits of 64 above which a hash is not of the picture (JPEG: 0 to 6, strangers: 32 on average)."""


@dataclass(frozen=True)
class _Job:
    """One image to look at: where it stands, what it is of (role and id), its bytes and its content box."""

    config: str
    column: str
    where: str
    role: str
    id: str
    data: bytes | None
    box: Box | None
    phash: str = ""

    @property
    def key(self) -> str:
        return f"{self.role} {self.id}"

    @property
    def painting(self) -> str:
        return self.id if self.role == "original" else painting_id_of(self.id)


class Pictures:
    """Looks at the images of a data set, config by config."""

    def __init__(self, tables: Tables, index: Index, log: Log, watcher: Watcher | None) -> None:
        self.images = 0
        self._tables, self._log, self._watcher = tables, log, watcher
        self._full = index.table("full_pictures", "sum")
        self._smaller = index.table("small_pictures", "sum")
        self._looks = index.table("looks", "look")
        self._boxes = index.table("boxes", *BOX_COLUMNS)
        self._encodings: dict[str, dict[tuple[Any, ...], str]] = {label: {} for label in LABELS}
        self._study_size: tuple[int, int] | None = None
        preprocess, crop = (tables.folder.fact("settings", stage, "size") for stage in ("preprocess", "crop"))
        self._size = preprocess if isinstance(preprocess, int) else None
        self._small = crop if isinstance(crop, int) else None

    def check_all(self) -> None:
        """`real_vs_ai` comes before the triplets: it has every small picture once."""
        configs = ("images",) if self._tables.folder.is_study else ("pairs", "real_vs_ai", "triplets", "triplets_hard")
        self._log.making(*((DECODE, FORMAT, SIZE, FLAT) if self._tables.folder.is_study else CHECKS))
        if self._tables.folder.fact(PUBLISHED) is False:
            self._log.making(LEFT_OUT)
        total = sum(self._tables.rows[n] * len(COLUMNS[c]) for c in configs for n in self._tables.good[c])
        if self._watcher:
            self._watcher.stage("images", total, 0)
        with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            for config in configs:
                extra = EXTRA[config]
                for _, rows in self._tables.batches(config, [*COLUMNS[config], *extra]):
                    every = [job for row in rows for job in _jobs(config, row)]
                    jobs = [job for job in every if self._is_shown(job) and self._is_new(job)]
                    for job, found in zip(jobs, pool.map(_measure, jobs), strict=True):
                        self._judge(job, found)
                    self.images += len(every)
                    if self._watcher:
                        self._watcher.advance(len(every))
        if not self._tables.folder.is_study:
            self._one_encoding()

    def _is_shown(self, job: _Job) -> bool:
        """Whether there must be a picture. In a data set without originals there must be none of a painting."""
        if self._tables.folder.fact(PUBLISHED) is not False or job.role == "ai":
            return True
        if job.data is not None:
            self._log.add(
                LEFT_OUT, job.where, f"'{job.column}' shows a painting, and build.json says that none is here"
            )
        return False

    def _is_new(self, job: _Job) -> bool:
        """Whether these bytes were not seen yet as the picture of this painting or variant."""
        small = job.config != "pairs"
        sums = self._smaller if small else self._full
        sum_ = blake2b(job.data or b"", digest_size=8).digest()
        known = sums.get(job.key)
        if known is None:
            sums.add(job.key, sum_)
            return True
        if known["sum"] != sum_:
            check = SMALL_SAME if small else ONE_ORIGINAL
            other = "elsewhere in the data set" if small else "in the rows of its other variants"
            self._log.add(check, job.where, f"'{job.column}' is another picture than {other}")
        return bool(known["sum"] != sum_)

    def _judge(self, job: _Job, found: Measured) -> None:
        if found.fault:
            self._log.add(DECODE, job.where, f"'{job.column}' {found.fault}")
            return
        for oddity in found.oddities:
            self._log.add(FORMAT, job.where, f"'{job.column}' {oddity}")
        if found.flat and job.role == "ai":
            self._log.add(FLAT, job.where, f"'{job.column}' {found.flat}")
        if job.config == "pairs":
            self._judge_full(job, found)
        elif job.config == "images":
            self._judge_study(job, found)
        else:
            self._judge_small(job, found)

    def _judge_full(self, job: _Job, found: Measured) -> None:
        self._size = self._size or found.size[0]
        if found.size != (self._size, self._size):
            stated = f"{self._size} x {self._size}"
            self._log.add(SIZE, job.where, f"'{job.column}' has {found.size[0]} x {found.size[1]} pixels, not {stated}")
        if found.bars > BAR_LEVEL:
            self._log.add(BARS, job.where, f"'{job.column}' is not black out of the content box: level {found.bars}")
        if found.phash and bits_apart(found.phash, job.phash) > HASH_DIFFERENCE:
            self._log.add(PHASH, job.where, f"phash '{job.phash}' is not of this painting: '{found.phash}'")
        if job.box:
            self._boxes.add(job.painting, *job.box)
        self._looks.add(job.key, found.look)
        if job.role == "ai":
            own, original = self._full.get(job.key), self._full.get(f"original {job.painting}")
            if own and original and own["sum"] == original["sum"]:
                self._log.add(FLAT, job.where, "'generated' is the painting itself")

    def _judge_study(self, job: _Job, found: Measured) -> None:
        width, height = (self._tables.folder.fact("settings", "generate", side) for side in ("width", "height"))
        self._study_size = self._study_size or found.size
        expected = width or self._study_size[0], height or self._study_size[1]
        if found.size != expected:
            self._log.add(
                SIZE, job.where, f"has {found.size[0]} x {found.size[1]} pixels, not {expected[0]} x {expected[1]}"
            )

    def _judge_small(self, job: _Job, found: Measured) -> None:
        if job.config == "real_vs_ai":
            self._encodings[job.role].setdefault(found.encoding, job.where)
        box = self._boxes.get(job.painting)
        if self._small and box:
            left, top, right, bottom = (box[side] for side in BOX_COLUMNS)
            expected = small_size((left, top, right, bottom), self._small)
            if found.size != expected:
                told = f"{found.size[0]} x {found.size[1]} pixels; its content makes {expected[0]} x {expected[1]}"
                self._log.add(SMALL_SIZE, job.where, f"'{job.column}' has {told}")
        known = self._looks.get(job.key)
        if known is not None and difference(known["look"], found.look) > LOOK_DIFFERENCE:
            self._log.add(SMALL_SHOWS, job.where, f"'{job.column}' is not the picture that pairs has of {job.id}")
            self._smaller.pop(job.key)  # no measure for the others: they may be the right ones

    def _one_encoding(self) -> None:
        found = {encoding for kinds in self._encodings.values() for encoding in kinds}
        if len(found) < 2:
            return
        usual = max(found, key=lambda encoding: sum(encoding in kinds for kinds in self._encodings.values()))
        for label, kinds in self._encodings.items():
            for encoding, where in kinds.items():
                if encoding != usual:
                    self._log.add(
                        ENCODING, where, f"this '{label}' is encoded in another way than the rest: a shortcut"
                    )


LEFT_OUT = "images: no original"
"""Made in data sets that say they were published without."""

COLUMNS = {
    "pairs": ("original", "generated"),
    "real_vs_ai": ("image",),
    "triplets": ("anchor", "positive", "negative"),
    "triplets_hard": ("anchor", "positive", "negative"),
    "images": ("image",),
}
"""Config -> its columns of images."""

EXTRA = {
    "pairs": ("id", "phash", *BOX_COLUMNS),
    "real_vs_ai": ("id", "label"),
    "triplets": ("anchor_id", "positive_id", "negative_id"),
    "triplets_hard": ("anchor_id", "positive_id", "negative_id"),
    "images": ("id",),
}


def _jobs(config: str, row: Row) -> Iterator[_Job]:
    box: Box | None = None
    if config == "pairs" and None not in (sides := tuple(row[side] for side in BOX_COLUMNS)):
        box = sides
    for column in COLUMNS[config]:
        id_ = row[f"{column}_id" if config in ("triplets", "triplets_hard") else "id"] or ""
        role = "ai" if column in ("generated", "positive") else "original"
        if config == "pairs" and role == "original":
            id_ = painting_id_of(id_)
        if column == "image":
            role = "ai" if config == "images" or row["label"] == LABELS.index("ai") else "original"
        where = f"{config} {row.get('id') or row.get('positive_id')}"
        hash_ = row["phash"] if column == "original" and is_hash(row["phash"]) else ""
        yield _Job(config, column, where, role, id_, (row[column] or {}).get("bytes"), box, hash_)


def _measure(job: _Job) -> Measured:
    return measure(job.data, job.box, hashed=bool(job.phash))


def small_size(box: Box, longest: int) -> tuple[int, int]:
    """Width and height of the small picture of what is in the box.

    >>> small_size((0, 9, 96, 86), 64)
    (64, 51)
    """
    width, height = box[2] - box[0], box[3] - box[1]
    scale = longest / max(width, height, 1)
    return max(1, round(width * scale)), max(1, round(height * scale))
