"""Settings: one frozen model for each stage, composed into one BuildConfig; a preset is a BuildConfig.

A stage that can be done by several models has one settings class for each (`model_config.py`), told apart by ``kind``.
Numbers are checked here, once, with a sentence, before any model is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator

from artsim_dataset.errors import ConfigError, fault_of
from builder.model_config import (
    Blip2Caption,
    ClauseCompress,
    FixedStyles,
    GrammarPrompt,
    Img2Img,
    LlmPrompt,
    MeasuredCaption,
    NoCaption,
    NoPrompt,
    OpenAIImages,
    OwnGenerator,
    StudyPrompt,
    StyleTransfer,
    SummaryCompress,
    Text2Img,
    Variations,
)
from builder.model_config import Settings as _Settings
from builder.presets import PRESETS


class SourceConfig(_Settings):
    """Where paintings come from."""

    limit: int | None = Field(None, ge=1, description="take only this many paintings, picked evenly by their ids")
    root: str | None = Field(None, description="image folder of a CSV/Parquet table; the table's own folder by default")
    shard_rows: int = Field(128, ge=1, description="paintings in a shard, roughly: the unit of work and of resume")


class PreprocessConfig(_Settings):
    """The letterbox of S1, or the centre crop of S4."""

    fit: Literal["letterbox", "crop"] = Field("letterbox", description="black bars, or a square cut from the centre")
    size: int = Field(768, ge=64, le=4096, description="side of the square in pixels")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality")
    max_megapixels: int = Field(250, ge=1, description="larger pictures are rejected as decompression bombs")


class CropConfig(_Settings):
    """The small pictures of triplets and real_vs_ai: both classes through one decode, resize and encode."""

    size: int = Field(256, ge=32, le=2048, description="longest side in pixels, bars cropped off")
    quality: int = Field(90, ge=1, le=100, description="JPEG quality")


class SplitConfig(_Settings):
    """How paintings are divided, never through a group of near-duplicates."""

    scheme: Literal["random", "artist-disjoint"] = Field("random", description="what must not be on both sides")
    train: float = Field(0.8, gt=0, lt=1, description="share of paintings to train on")


class RayConfig(_Settings):
    """Where `--engine ray` runs and what a worker takes there. Changes no data, and so is in no fingerprint."""

    address: str | None = Field(
        None, description="ray://HOST:10001, HOST:6379 or 'local'; RAY_ADDRESS or a cluster on this machine by default"
    )
    cpus_per_worker: float = Field(1.0, gt=0, description="of a node's CPUs; fewer workers need less memory")
    gpus_per_worker: float = Field(1.0, gt=0, description="of a node's GPUs where a model uses one; 0.25 shares each")

    @field_validator("cpus_per_worker", "gpus_per_worker")
    @classmethod
    def _whole_above_one(cls, value: float) -> float:
        if value > 1 and value != int(value):
            raise ValueError("above 1, Ray takes whole numbers only")
        return value


Caption = Annotated[NoCaption | MeasuredCaption | Blip2Caption, Field(discriminator="kind")]
Prompt = Annotated[NoPrompt | GrammarPrompt | LlmPrompt | StudyPrompt, Field(discriminator="kind")]
Compress = Annotated[ClauseCompress | SummaryCompress, Field(discriminator="kind")]
Generate = Annotated[
    StyleTransfer | FixedStyles | OwnGenerator | Img2Img | Variations | OpenAIImages | Text2Img,
    Field(discriminator="kind"),
]


class BuildConfig(_Settings):
    """A whole build. ``artsim build --set stage.key=value`` reaches every field."""

    preset: str = "lite"
    seed: int = Field(42, ge=0, description="the one seed that all others are derived from")
    source: SourceConfig = SourceConfig()
    preprocess: PreprocessConfig = PreprocessConfig()
    caption: Caption = MeasuredCaption()
    prompt: Prompt = GrammarPrompt()
    compress: Compress = ClauseCompress()
    generate: Generate = StyleTransfer()
    crop: CropConfig = CropConfig()
    split: SplitConfig = SplitConfig()
    ray: RayConfig = RayConfig()


def load_config(
    preset: str = "lite", file: Path | None = None, assignments: Sequence[str] = (), **stages: Mapping[str, Any]
) -> BuildConfig:
    """Preset, then file, then ``stage.key=value`` assignments, then ``stages``; the later wins.

    Args:
        preset: a key of :data:`PRESETS`.
        file: YAML with the same nesting as BuildConfig.
        assignments: texts such as ``prompt.variants=3`` or ``seed=7``; values are read as YAML.
        stages: settings by stage; values of None are passed over.

    Raises:
        ConfigError: an unknown preset, stage or key, or a value out of range.

    >>> load_config(assignments=["prompt.variants=3"]).prompt.variants
    3
    """
    if preset not in PRESETS:
        raise ConfigError(f"unknown preset '{preset}'; presets are: {', '.join(PRESETS)}")
    values: dict[str, Any] = {"preset": preset}
    _merge(values, {stage: {"kind": kind} for stage, kind in _kinds(BuildConfig()).items()})
    _merge(values, PRESETS[preset])
    if file is not None:
        _merge(values, _read(file))
    for assignment in assignments:
        _merge(values, _parse(assignment))
    for stage, settings in stages.items():
        _merge(values, {stage: {k: v for k, v in settings.items() if v is not None}})
    try:
        return BuildConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from error


def _kinds(config: BuildConfig) -> dict[str, str]:
    """Stage -> kind, of the stages that have kinds."""
    return {name: stage.kind for name in BuildConfig.model_fields if hasattr(stage := getattr(config, name), "kind")}


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Puts ``new`` over ``into``. Another kind of model starts afresh: it knows none of the settings before."""
    for key, value in new.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            kind = value.get("kind", _kind_for(key, into[key].get("kind"), value))
            if kind != into[key].get("kind"):
                into[key] = {"kind": kind, **{k: v for k, v in into[key].items() if k in _COMMON.get(key, ())}}
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


_COMMON = {"prompt": ("variants", "moderate_share"), "generate": ("quality",)}
_WITH_WEIGHTS = {"caption": "blip2", "prompt": "llm", "compress": "summary", "generate": "img2img"}


def _kind_for(stage: str, kind: str | None, settings: Mapping[str, Any]) -> str | None:
    """The kind that is meant when only ``model`` is set: ``--set caption.model=...`` on `lite` asks for BLIP-2."""
    if "model" in settings and kind in ("none", "measured", "grammar", "clauses", "style-transfer", "26-styles"):
        return _WITH_WEIGHTS.get(stage, kind)
    return kind


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the config file {file}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"the config file {file} is not valid YAML: {fault_of(error)}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"the config file {file} must hold settings by stage, such as 'prompt: {{variants: 2}}'")
    return values


def _parse(assignment: str) -> dict[str, Any]:
    path, sign, text = assignment.partition("=")
    parts = path.strip().split(".")
    if not sign or not all(parts):
        raise ConfigError(f"--set takes stage.key=value, such as prompt.variants=2; got '{assignment}'")
    try:
        value: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    loc = [str(part) for part in first["loc"]]
    stage = loc[0] if len(loc) > 1 else ""
    if stage in _WITH_WEIGHTS:
        loc.pop(1)  # the kind, which pydantic puts between stage and key
    where = ".".join(loc)
    if first["type"] == "extra_forbidden":
        kind = str(first["loc"][1]) if stage in _WITH_WEIGHTS else ""
        known = ", ".join(_fields(stage, kind))
        owner = f"{stage or 'the build'} (kind '{kind}')" if kind else stage or "the build"
        return f"unknown setting '{where}'; {owner} has: {known}"
    if first["type"] == "union_tag_invalid":
        return f"{where}.kind cannot be {first['ctx']['tag']!r}; kinds are: {first['ctx']['expected_tags']}"
    return f"setting '{where}' cannot be {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _fields(stage: str, kind: str) -> Sequence[str]:
    if not stage:
        return tuple(BuildConfig.model_fields)
    annotation: Any = BuildConfig.model_fields[stage].annotation
    for owner in (annotation, *get_args(annotation)):
        fields = owner.model_fields if isinstance(owner, type) and issubclass(owner, BaseModel) else {}
        if fields and (not kind or fields["kind"].default == kind):
            return tuple(name for name in fields if name != "kind")
    return ()
