"""Letterboxes every painting, and measures what near-duplicates are found by. The first stage that opens a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from artsim_dataset.fingerprint import THUMB_SIDE
from artsim_dataset.letterbox import BadImage, letterbox
from artsim_dataset.schema import BOX_COLUMNS
from artsim_dataset.storage import Place
from builder.stage import Lane, Reject, Result, Row, Run
from builder.surroundings import check_source


@dataclass(frozen=True)
class PreprocessStage:
    """``path`` -> ``image`` (JPEG), its content box, original size, perceptual hash and thumbnail.

    Args:
        root: the folder that paths are relative to, here or in an object store; no part of the settings, since moving
            a collection changes nothing.
        size: side of the square in pixels.
        quality: JPEG quality.
        max_pixels: larger pictures are rejected before they are decoded.
        crop: the square in the middle of the painting instead of black bars.

    ``sha256`` is read so that a file that changed is done again. A file that cannot be used is answered with a reject
    whose reason is one of ``artsim_dataset.letterbox.REASONS``. When the root itself is gone, the stage ends instead
    (``SourceGone``): a disk that was unmounted must not turn a collection into rejects that are remembered.
    """

    root: Place
    size: int
    quality: int
    max_pixels: int
    crop: bool = False

    name: ClassVar[str] = "preprocess"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("path", "sha256")
    adds: ClassVar[pa.Schema] = pa.schema(
        [
            pa.field("image", pa.binary()),
            *(pa.field(name, pa.int32()) for name in ("width", "height", *BOX_COLUMNS)),
            pa.field("phash", pa.string()),
            pa.field("thumb", pa.binary(THUMB_SIDE * THUMB_SIDE)),
        ]
    )
    plan_reads: ClassVar[tuple[str, ...]] = ()
    lane: ClassVar[Lane] = "cpu"

    def settings(self) -> Mapping[str, Any]:
        return {"size": self.size, "quality": self.quality, "max_pixels": self.max_pixels, "crop": self.crop}

    def plan(self, rows: pa.Table) -> pa.Table | None:
        return None

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Nothing to load; the function is ready at once."""

        def run(rows: Iterable[Row]) -> Iterator[Result]:
            for row in rows:
                yield self._letterbox(row["path"])

        yield run

    def _letterbox(self, path: str) -> Row | Reject:
        try:
            done = letterbox((self.root / path).read_bytes(), self.size, self.quality, self.max_pixels, self.crop)
        except BadImage as error:
            return Reject(error.reason, f"'{path}': {error}")
        except OSError as error:
            check_source(self.root)
            return Reject("unreadable", f"'{path}' cannot be read: {error.strerror or error}")
        return {
            "image": done.jpeg,
            "width": done.width,
            "height": done.height,
            **dict(zip(BOX_COLUMNS, done.box, strict=True)),
            "phash": done.phash,
            "thumb": done.thumb,
        }
