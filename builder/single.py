"""One variant of one picture, without a data set to put it in: what a page needs, or a notebook.

The picture goes through the very stages of a `lite` build, a single row instead of thousands: what comes out is what a
build would have made, with the same columns and the same provenance. Only two things have to come from outside. A
build draws the level, here a person chooses it; and a build takes the style from another painting of its source, here
there is none, so it is lent by a pool: the paintings of a data set, or pictures that the gallery invents.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from PIL import Image

from artsim_dataset import style_network
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.images import content
from artsim_dataset.schema import BOX_COLUMNS, GENRES, LEVELS, Level
from artsim_dataset.triplets import Ring
from builder.config import load_config
from builder.gallery import paint
from builder.pipeline import stages
from builder.stage import Reject, Row, Stage

GENRE = "upload"
"""Stands where the genre stands in the id of a picture that nobody filed: ``upload/<digest of its file>``."""

STAGES = 7
"""Stages that a variant goes through: all of a `lite` build but the last, which makes small copies for triplets."""

SHOWN = (
    *("id", "caption", "generated_caption", "level", "change", "seed", "prompt_complete", "prompt_compressed"),
    *("prompt_tokens", "generator", *BOX_COLUMNS, "phash"),
)


Progress = Callable[[str, int, int], None]


class Lenders(Protocol):
    """Paintings that a variant can take its style from: their ids, and the pixels of one without its bars."""

    @property
    def ids(self) -> Sequence[str]: ...

    def content(self, painting_id: str) -> Image.Image: ...


@dataclass(frozen=True)
class GalleryLenders:
    """Invented pictures, ``per_genre`` of each of the 27 genres: for when there is no data set. Painted on demand."""

    per_genre: int = 4

    @property
    def ids(self) -> Sequence[str]:
        """``{genre}/gallery_{number}``."""
        return [f"{genre}/gallery_{number}" for genre in GENRES for number in range(self.per_genre)]

    def content(self, painting_id: str) -> Image.Image:
        """The picture, 384 px long: the same for the same id."""
        genre, _, number = painting_id.partition("/gallery_")
        return paint(genre, int(number), size=style_network.TRANSFORM_SIDE)


@dataclass(frozen=True)
class SingleVariant:
    """A variant with its picture. ``original`` and ``variant`` are RGB and without bars, of one size; ``style`` is the
    painting that lent its style, ``style_of`` its id. ``files``: both pictures as a build stores them, letterboxed
    JPEGs. ``facts``: the columns of `metadata` that are known of an unfiled picture, provenance parsed."""

    original: Image.Image
    variant: Image.Image
    style: Image.Image
    style_of: str
    files: Mapping[str, bytes]
    facts: Mapping[str, Any]


class SingleVariants:
    """Makes variants of single pictures with the preset `lite`, on the CPU. Safe to call from several threads.

    The same file, level, seed and pool give the same bytes, on every machine.

    Example::

        maker = SingleVariants(GalleryLenders())
        made = maker.make(Path("guitar.jpg").read_bytes(), "radical", seed=42)
        made.variant.save("variant.png")
    """

    def __init__(self, lenders: Lenders) -> None:
        """Raises ConfigError for an empty pool."""
        if not lenders.ids:
            raise ConfigError("there is no painting that could lend its style")
        self._lenders = lenders
        self._ring = Ring(lenders.ids, "style")
        self._alone = threading.Lock()

    def prompt(self, picture: bytes, level: Level, seed: int) -> str:
        """The prompt that the grammar writes for this picture. Raises as :meth:`make` does."""
        return str(self._prompted(picture, level, seed)[0]["prompt_complete"])

    def make(
        self, picture: bytes, level: Level, seed: int, prompt: str | None = None, progress: Progress | None = None
    ) -> SingleVariant:
        """A variant of a picture.

        Args:
            picture: an encoded image, as a build takes it from a file.
            level: moderate or radical.
            seed: 0 or more; that of the build.
            prompt: another one than the grammar's. `lite` records it and does not read it.
            progress: told (stage, done, total) before each stage.

        Raises:
            ConfigError: a level that does not exist, a negative seed.
            ArtsimError: the file cannot be used, with the reason that a build would note in rejected.csv.
        """
        row, recipe = self._prompted(picture, level, seed, progress)
        if prompt is not None and prompt.strip():
            row["prompt_complete"] = prompt.strip()
        style_of = self._ring.first(row["id"], seed, accept=lambda _: True)
        assert style_of is not None
        style = self._lenders.content(style_of)
        lender = {"id": f"{style_of}-0", "painting_id": style_of, "genre": style_of.partition("/")[0],
                  "style_vector": style_network.style_vectors([style])[0].tobytes()}  # fmt: skip
        for number, stage in enumerate(recipe, STAGES - len(recipe)):
            if progress:
                progress(stage.name, number, STAGES)
            row = self._through(stage, row, beside=[lender])
        box = [row[side] for side in BOX_COLUMNS]
        files = {"original": row["image"], "variant": row["generated"]}
        pictures = {name: Image.fromarray(content(data, *box)) for name, data in files.items()}
        facts = {name: row[name] for name in SHOWN} | {"provenance": json.loads(row["provenance"])}
        return SingleVariant(pictures["original"], pictures["variant"], style, style_of, files, facts)

    def _prompted(
        self, picture: bytes, level: Level, seed: int, progress: Progress | None = None
    ) -> tuple[Row, list[Stage]]:
        """The row of the picture with its prompt, and the stages that are left to do."""
        if level not in LEVELS:
            raise ConfigError(f"no level '{level}'; levels are: {', '.join(LEVELS)}")
        share = 1.0 if level == "moderate" else 0.0
        config = load_config(assignments=[f"seed={seed}", f"prompt.moderate_share={share}"])
        digest = hashlib.sha256(picture).hexdigest()
        name = f"{digest[:16]}.image"
        row: Row = {"id": f"{GENRE}/{digest[:16]}", "path": name, "genre": "", "artist": "", "title": "",
                    "sha256": digest}  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="artsim-") as folder:
            (Path(folder) / name).write_bytes(picture)
            recipe = stages(config, Path(folder), Path(folder))
            first = [stage.name for stage in recipe].index("prompt") + 1
            for number, stage in enumerate(recipe[:first]):
                if progress:
                    progress(stage.name, number, STAGES)
                row = self._through(stage, row)
        return row, recipe[first:STAGES]

    def _through(self, stage: Stage, row: Row, beside: Sequence[Row] = ()) -> Row:
        """The row with the columns that the stage adds. ``beside``: other rows that its plan looks at."""
        if stage.plan_reads:
            seen = [{name: one[name] for name in ("id", *stage.plan_reads)} for one in (row, *beside)]
            planned = stage.plan(pa.Table.from_pylist(seen))
            row = row | (planned.to_pylist()[0] if planned is not None else {})
        # A stage frees its model when it is left, and a model may be shared by the whole process.
        with self._alone, stage.open() as run:
            result = next(iter(list(run([row]))))
        made = result[0] if isinstance(result, list) else result
        if isinstance(made, Reject):
            text = made.message.removeprefix(f"'{row.get('path')}': ")
            raise ArtsimError(f"{text[:1].upper()}{text[1:]}")
        return row | made
