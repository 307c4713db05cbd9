"""The recipe: which stages make a data set, in order. Read it aloud and you have the methods section."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.config import BuildConfig, GenerateConfig
from builder.models import Captioner, Compressor, ImageGenerator, PromptWriter
from builder.stage import Stage
from builder.stages.caption import CaptionStage
from builder.stages.compress import CompressStage
from builder.stages.crop import CropStage
from builder.stages.generate import GenerateStage
from builder.stages.preprocess import PreprocessStage
from builder.stages.prompt import PromptStage
from builder.stages.recaption import RecaptionStage
from builder.stages.style import StyleStage


def stages(config: BuildConfig, root: Path) -> list[Stage]:
    """All stages after ``source``.

    Args:
        config: the settings; each stage is given its own part only.
        root: the folder that the paths of the source are relative to. Not part of any fingerprint: a collection
            that moves is the same collection.
    """
    ...
