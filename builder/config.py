"""Settings: one frozen model for each stage, composed into one BuildConfig; a preset is a BuildConfig.

Numbers are checked here, once, with a sentence, before any model is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import MAX_PROMPT_TOKENS


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceConfig(_Settings):
    """Where paintings come from."""

    limit: int | None = Field(None, ge=1, description="take only this many paintings, picked evenly by their ids")
    root: str | None = Field(None, description="image folder of a CSV/Parquet table; the table's own folder by default")
    shard_rows: int = Field(128, ge=1, description="paintings in a shard, roughly: the unit of work and of resume")


class PreprocessConfig(_Settings):
    """The letterbox of S1."""

    size: int = Field(768, ge=64, le=4096, description="side of the square in pixels")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality")
    max_megapixels: int = Field(250, ge=1, description="larger pictures are rejected as decompression bombs")


class CaptionConfig(_Settings):
    """Captions of paintings and of variants."""

    model: Literal["measured"] = Field("measured", description="what looks at the picture")


class PromptConfig(_Settings):
    """Prompts at two levels."""

    model: Literal["grammar"] = Field("grammar", description="what writes the prompt")
    variants: int = Field(1, ge=1, le=100, description="variants of each painting")
    moderate_share: float = Field(0.2, ge=0, le=1, description="share of moderate prompts in each genre")


class CompressConfig(_Settings):
    """Prompts short enough for CLIP."""

    model: Literal["clauses"] = Field("clauses", description="what shortens a prompt that is too long")
    max_tokens: int = Field(MAX_PROMPT_TOKENS, ge=8, le=MAX_PROMPT_TOKENS, description="CLIP tokens, marks not counted")


class GenerateConfig(_Settings):
    """The generator of variants."""

    model: Literal["style-transfer"] = Field("style-transfer", description="what makes the variant")
    moderate_own_share: float = Field(
        0.5, ge=0, le=1, description="share of its own style that a moderate variant keeps"
    )
    quality: int = Field(95, ge=1, le=100, description="JPEG quality")


class CropConfig(_Settings):
    """The small pictures of triplets and real_vs_ai: both classes through one decode, resize and encode."""

    size: int = Field(256, ge=32, le=2048, description="longest side in pixels, bars cropped off")
    quality: int = Field(90, ge=1, le=100, description="JPEG quality")


class SplitConfig(_Settings):
    """How paintings are divided, never through a group of near-duplicates."""

    scheme: Literal["random", "artist-disjoint"] = Field("random", description="what must not be on both sides")
    train: float = Field(0.8, gt=0, lt=1, description="share of paintings to train on")


class BuildConfig(_Settings):
    """A whole build. ``artsim build --set stage.key=value`` reaches every field."""

    preset: str = "lite"
    seed: int = Field(42, ge=0, description="the one seed that all others are derived from")
    source: SourceConfig = SourceConfig()
    preprocess: PreprocessConfig = PreprocessConfig()
    caption: CaptionConfig = CaptionConfig()
    prompt: PromptConfig = PromptConfig()
    compress: CompressConfig = CompressConfig()
    generate: GenerateConfig = GenerateConfig()
    crop: CropConfig = CropConfig()
    split: SplitConfig = SplitConfig()


PRESETS: dict[str, dict[str, Any]] = {"lite": {}}
"""Preset -> what it changes in BuildConfig. ``lite`` is BuildConfig as it stands."""


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


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the config file {file}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"the config file {file} is not valid YAML: {error}") from error
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
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *stage, key = where.split(".")
        owner: Any = BuildConfig.model_fields[stage[0]].default.__class__ if stage else BuildConfig
        known = ", ".join(owner.model_fields) if issubclass(owner, BaseModel) else "none"
        return f"unknown setting '{where}'; {'.'.join(stage) or 'the build'} has: {known}"
    return f"setting '{where}' cannot be {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}"
