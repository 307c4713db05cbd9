"""The recipe: which stages make a data set, in order. Read it aloud and you have the methods section."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from builder.config import BuildConfig
from builder.models import grammar
from builder.models.lite_caption import MeasuredCaptioner
from builder.models.lite_compress import ClauseDropper
from builder.models.lite_prompt import GrammarWriter
from builder.models.style_transfer import StyleTransferGenerator
from builder.stage import Stage
from builder.stages.caption import CaptionStage
from builder.stages.compress import CompressStage
from builder.stages.crop import CropStage
from builder.stages.generate import GenerateStage
from builder.stages.preprocess import PreprocessStage
from builder.stages.prompt import PromptStage
from builder.stages.recaption import RecaptionStage
from builder.stages.style import StyleStage

T = TypeVar("T")


def stages(config: BuildConfig, root: Path) -> list[Stage]:
    """All stages after ``source``, in order, each with its own part of the settings and its model.

    Args:
        config: the settings of the whole build.
        root: the folder that the paths of the source are relative to. Not part of any fingerprint: a collection
            that moves is the same collection.
    """
    captioner = Ready(MeasuredCaptioner())
    generator = StyleTransferGenerator(config.generate.moderate_own_share)
    return [
        PreprocessStage(
            root, config.preprocess.size, config.preprocess.quality, config.preprocess.max_megapixels * 1_000_000
        ),
        StyleStage(),
        CaptionStage(captioner, config.caption.model_dump()),
        PromptStage(
            Ready(GrammarWriter()),
            {"model": config.prompt.model, "wording": grammar.digest()},
            variants=config.prompt.variants,
            moderate_share=config.prompt.moderate_share,
            seed=config.seed,
        ),
        CompressStage(Ready(ClauseDropper(config.compress.max_tokens)), config.compress.model_dump()),
        GenerateStage(Ready(generator), generator.settings(), quality=config.generate.quality, seed=config.seed),
        RecaptionStage(captioner, config.caption.model_dump()),
        CropStage(config.crop.size, config.crop.quality),
    ]


@dataclass(frozen=True)
class Ready(Generic[T]):
    """Opens a model that costs nothing to open. A model with weights is opened in the worker instead."""

    model: T

    def __call__(self) -> AbstractContextManager[T]:
        return nullcontext(self.model)
