"""Settings -> models: which class does a stage's work, with which weights, and in which lane.

Choosing opens nothing. Weights are named exactly here, before any work, and opened in the worker when there are rows
to do. What only changes how fast a result comes (batch, concurrency, compilation) is no part of a model's settings:
changing it in the middle of a build redoes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from artsim_dataset.errors import ConfigError
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.storage import Place
from builder import model_config as settings
from builder.config import BuildConfig
from builder.models import Captioner, Compressor, ImageGenerator, PromptWriter, grammar, instructions
from builder.models.fixed_styles import FixedStyleGenerator
from builder.models.lite_caption import MeasuredCaptioner
from builder.models.lite_compress import ClauseDropper
from builder.models.lite_prompt import GrammarWriter, SilentWriter
from builder.models.own import open_own, own_settings
from builder.models.style_transfer import StyleTransferGenerator
from builder.models.weights import Weights, require, resolve
from builder.stage import Lane

T = TypeVar("T")

_HOW_FAST = frozenset(
    ["batch", "compile", "attention", "channels_last", "cache_prompts"]
    + ["base_url", "concurrency", "requests_per_minute", "timeout", "max_cost"]
)
_NOT_THE_MODELS = frozenset(["variants", "moderate_share", "quality", "model", "revision", "vae", "vae_revision"])

_DIFFUSION = ("torch", "diffusers", "transformers", "accelerate")
_LANGUAGE = ("torch", "transformers")


@dataclass(frozen=True)
class Model(Generic[T]):
    """How to open a model (picklable: workers open their own), what identifies it, and where it runs."""

    open: Callable[[], AbstractContextManager[T]]
    settings: Mapping[str, Any]
    lane: Lane = "cpu"


@dataclass(frozen=True)
class Ready(Generic[T]):
    """Opens a model that costs nothing to open."""

    model: T

    def __call__(self) -> AbstractContextManager[T]:
        return nullcontext(self.model)


def captioner(config: BuildConfig, work: Place) -> Model[Captioner] | None:
    """Who captions; None when nobody does. Raises ConfigError when its weights cannot be named."""
    chosen = config.caption
    if isinstance(chosen, settings.NoCaption):
        return None
    if isinstance(chosen, settings.MeasuredCaption):
        return Model(Ready[Captioner](MeasuredCaptioner()), {"kind": chosen.kind})
    require("BLIP-2", "diffusion", *_LANGUAGE)
    from builder.models.hub_caption import open_blip2

    weights = resolve(chosen.model, chosen.revision, work)
    return Model(partial(open_blip2, weights, chosen), _identity(chosen, weights), "gpu")


def prompt_writer(config: BuildConfig, work: Place) -> Model[PromptWriter]:
    """Who writes prompts."""
    chosen = config.prompt
    if isinstance(chosen, settings.NoPrompt):
        return Model(Ready[PromptWriter](SilentWriter()), {"kind": chosen.kind})
    if isinstance(chosen, settings.GrammarPrompt):
        return Model(Ready[PromptWriter](GrammarWriter()), {"kind": chosen.kind, "wording": grammar.digest()})
    assert isinstance(chosen, settings.LlmPrompt)
    wording = {"wording": instructions.digest()}
    if chosen.base_url is not None:
        require("prompting on a server", "openai", "openai", "aiolimiter")
        from builder.models.api_prompt import open_server

        return Model(partial(open_server, chosen), _identity(chosen) | {"model": chosen.model} | wording, "api")
    require("prompting with a language model", "diffusion", *_LANGUAGE)
    from builder.models.hub_prompt import open_chat

    weights = resolve(chosen.model, chosen.revision, work)
    return Model(partial(open_chat, weights, chosen), _identity(chosen, weights) | wording, "gpu")


def compressor(config: BuildConfig, work: Place) -> Model[Compressor]:
    """Who shortens prompts, counting with the generator's own tokenizer where it has one."""
    chosen = config.compress
    if isinstance(chosen, settings.ClauseCompress):
        return Model(Ready[Compressor](ClauseDropper(chosen.max_tokens)), chosen.model_dump())
    require("compressing with a summariser", "diffusion", *_LANGUAGE)
    from builder.models.hub_compress import open_summary

    weights = resolve(chosen.model, chosen.revision, work)
    reader = None
    if isinstance(config.generate, settings.Img2Img | settings.Text2Img):
        reader = resolve(config.generate.model, config.generate.revision, work)
    identity = _identity(chosen, weights) | {"tokenizer": reader.identity() if reader else None}
    return Model(partial(open_summary, weights, reader, chosen), identity, "gpu")


def generator(config: BuildConfig, work: Place) -> Model[ImageGenerator]:
    """Who makes the variants."""
    chosen = config.generate
    if isinstance(chosen, settings.StyleTransfer):
        model = StyleTransferGenerator(chosen.moderate_own_share)
        return Model(Ready[ImageGenerator](model), model.settings())
    if isinstance(chosen, settings.FixedStyles):
        fixed = FixedStyleGenerator(chosen.moderate_own_share)
        return Model(Ready[ImageGenerator](fixed), fixed.settings())
    if isinstance(chosen, settings.OwnGenerator):
        identity, lane = own_settings(chosen.object, chosen.options)
        return Model(partial(open_own, chosen.object, chosen.options), identity, lane)
    if isinstance(chosen, settings.OpenAIImages):
        require("the OpenAI generator", "openai", "openai", "aiolimiter")
        from builder.models.api_images import open_openai

        if isinstance(work, ObjectPath):
            raise ConfigError(
                "what was paid for is noted on a disk, line by line, so that nothing is paid twice: give a folder of"
                " this machine as --out, and copy the finished data set"
            )
        return Model(partial(open_openai, chosen, work / "paid"), _identity(chosen) | {"model": chosen.model}, "api")
    require("a diffusion model", "diffusion", *_DIFFUSION)
    weights = resolve(chosen.model, chosen.revision, work)
    return Model(_diffusion(config, weights, work), _diffusion_identity(config, weights, work), "gpu")


def _diffusion(
    config: BuildConfig, weights: Weights, work: Place
) -> Callable[[], AbstractContextManager[ImageGenerator]]:
    chosen = config.generate
    if isinstance(chosen, settings.Img2Img):
        from builder.models.hub_img2img import open_img2img

        return partial(open_img2img, weights, _vae(chosen, work), chosen, config.preprocess.size)
    if isinstance(chosen, settings.Variations):
        from builder.models.hub_variations import open_variations

        return partial(open_variations, weights, chosen)
    assert isinstance(chosen, settings.Text2Img)
    from builder.models.hub_text2img import open_text2img

    return partial(open_text2img, weights, chosen)


def _diffusion_identity(config: BuildConfig, weights: Weights, work: Place) -> dict[str, Any]:
    identity = _identity(config.generate, weights)
    if isinstance(config.generate, settings.Img2Img) and (vae := _vae(config.generate, work)):
        identity["vae"] = vae.identity()
    return identity


def _vae(chosen: settings.Img2Img, work: Place) -> Weights | None:
    return resolve(chosen.vae, chosen.vae_revision, work) if chosen.vae else None


def _identity(chosen: settings.Settings, weights: Weights | None = None) -> dict[str, Any]:
    """What goes into the fingerprint: the settings that change results, and the exact weights."""
    options = chosen.model_dump(exclude=set(_HOW_FAST | _NOT_THE_MODELS))
    return options | (weights.identity() if weights else {})
