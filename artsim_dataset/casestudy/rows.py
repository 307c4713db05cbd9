"""The generated images of a study: rows of the config `images` of a data set made by a text-to-image preset."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from datasets import Image as ImageFeature
from PIL import Image, UnidentifiedImageError

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.views import Box

WHOLE: Box = (0, 0, 0, 0)
"""These images have no bars: there is no box to cut out."""


class StudyRows:
    """Labels in memory, images on demand. Attributes, one entry a row: ``ids, artists, templates, subjects``."""

    def __init__(self, dataset: Dataset) -> None:
        labels = ("id", "artist", "template", "subject")
        missing = [column for column in (*labels, "image") if column not in dataset.column_names]
        if missing:
            raise ConfigError(f"the data set has no column {', '.join(missing)}: a study needs the config 'images'")
        if not len(dataset):
            raise ConfigError("the study has no images")
        table: dict[str, Any] = dataset.select_columns(list(labels))[:]
        self.ids, self.artists, self.templates, self.subjects = (np.array(table[c], object) for c in labels)
        self.boxes: list[Box] = [WHOLE] * len(self.ids)
        self._images = dataset.select_columns(["image"]).cast_column("image", ImageFeature(decode=False))

    def __len__(self) -> int:
        return len(self.ids)

    def image_bytes(self, row: int, column: str) -> bytes:
        """The encoded image as stored."""
        stored = self._images[int(row)][column]
        return stored["bytes"] if stored["bytes"] is not None else Path(stored["path"]).read_bytes()

    def content(self, row: int, column: str, data: bytes) -> Image.Image:
        """The decoded image. ArtsimError names the row of one that cannot be read."""
        try:
            with Image.open(io.BytesIO(data)) as image:
                return image.convert("RGB")
        except (UnidentifiedImageError, OSError) as error:
            raise ArtsimError(f"row '{self.ids[row]}', column '{column}': {error}") from error
