"""The recipe: which stages make a data set, in order. Read it aloud and you have the methods section."""

from __future__ import annotations

from artsim_dataset.storage import Place
from builder.choose import captioner, compressor, generator, prompt_writer
from builder.config import BuildConfig
from builder.stage import Stage
from builder.stages.blank import BlankStage
from builder.stages.caption import CaptionStage
from builder.stages.compress import CompressStage
from builder.stages.crop import CropStage
from builder.stages.generate import GenerateStage
from builder.stages.imagine import ImagineStage
from builder.stages.preprocess import PreprocessStage
from builder.stages.prompt import PromptStage
from builder.stages.recaption import RecaptionStage
from builder.stages.study import StudyStage, read_user_prompts
from builder.stages.style import StyleStage


def stages(config: BuildConfig, root: Place, work: Place) -> list[Stage]:
    """All stages after ``source``, in order, each with its own part of the settings and its model.

    Args:
        config: the settings of the whole build.
        root: the folder that the paths of the source are relative to. Not part of any fingerprint: a collection
            that moves is the same collection.
        work: the work folder, where the exact weights and paid answers are kept.

    Raises:
        ConfigError: a model cannot be named, or a package that it needs is not installed.
    """
    if config.prompt.kind == "study":
        user = read_user_prompts(config.prompt.user_prompts)
        return [StudyStage(config.prompt, config.seed, user), _compress(config, work), _imagine(config, work)]
    return [
        _preprocess(config, root),
        StyleStage(),
        _caption(config, work),
        _prompt(config, work),
        _compress(config, work),
        _generate(config, work),
        _recaption(config, work),
        CropStage(config.crop.size, config.crop.quality),
    ]


def _preprocess(config: BuildConfig, root: Place) -> Stage:
    chosen = config.preprocess
    return PreprocessStage(
        root, chosen.size, chosen.quality, chosen.max_megapixels * 1_000_000, crop=chosen.fit == "crop"
    )


def _caption(config: BuildConfig, work: Place) -> Stage:
    model = captioner(config, work)
    if model is None:
        return BlankStage("caption", ("caption",))
    return CaptionStage(model.open, model.settings, model.lane)


def _recaption(config: BuildConfig, work: Place) -> Stage:
    model = captioner(config, work)
    if model is None:
        return BlankStage("recaption", ("generated_caption",))
    return RecaptionStage(model.open, model.settings, model.lane)


def _prompt(config: BuildConfig, work: Place) -> Stage:
    assert config.prompt.kind != "study"
    model = prompt_writer(config, work)
    share = None if config.prompt.kind == "none" else config.prompt.moderate_share
    return PromptStage(model.open, model.settings, config.prompt.variants, share, config.seed, model.lane)


def _compress(config: BuildConfig, work: Place) -> Stage:
    if config.prompt.kind == "none":
        return BlankStage("compress", ("prompt_compressed",), ("prompt_tokens", "prompt_complete_tokens"))
    model = compressor(config, work)
    return CompressStage(model.open, model.settings, model.lane)


def _generate(config: BuildConfig, work: Place) -> Stage:
    model = generator(config, work)
    styled = config.generate.kind == "style-transfer"
    return GenerateStage(model.open, model.settings, config.generate.quality, config.seed, model.lane, styled)


def _imagine(config: BuildConfig, work: Place) -> Stage:
    model = generator(config, work)
    return ImagineStage(model.open, model.settings, config.generate.quality, model.lane)


_OF_LITE = {
    "preprocess": 2,
    "style": 8,
    "caption": 2,
    "prompt": 1,
    "compress": 1,
    "generate": 80,
    "recaption": 2,
    "crop": 1,
}
_OF_MODELS = {"caption": 10, "prompt": 25, "study": 1, "compress": 10, "generate": 50, "imagine": 90, "recaption": 10}


def shares(config: BuildConfig) -> dict[str, float]:
    """The stages by name, in order, each with its part of the time of a build, roughly: for the bar of the whole.

    Of `lite` as measured on 1,000 small pictures; of presets with large models an estimate by the passes of each.
    """
    if config.prompt.kind == "study":
        return {name: _OF_MODELS[name] for name in ("study", "compress", "imagine")}
    small = config.generate.kind in ("style-transfer", "26-styles")
    return {name: part if small else _OF_MODELS.get(name, 1) for name, part in _OF_LITE.items()}
