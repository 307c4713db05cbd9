"""Where a model's files are: in the Hub cache, on the Hub, behind its licence, or nowhere. Downloads nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from builder.needs import Asked

ModelState = Literal["local", "cached", "reachable", "gated", "absent", "unreachable", "not asked"]

TIMEOUT = 5.0
"""Seconds until the Hub is given up; after that no other model is asked for."""


class Hub:
    """Where models are: in the cache, on the Hub, nowhere. Asks once for each, and no more when nobody answers."""

    def __init__(self, offline: bool = False) -> None:
        self._offline = offline
        self._silent = False
        self._known: dict[Asked, ModelState] = {}

    def state(self, model: Asked, without: set[str]) -> ModelState:
        """``without``: parts of the repository that are not loaded."""
        if Path(model.model).expanduser().is_dir():
            return "local"
        if is_cached(model.model, model.revision, without):
            return "cached"
        if model not in self._known:
            self._known[model] = self._ask(model)
        return self._known[model]

    def _ask(self, model: Asked) -> ModelState:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.constants import HF_HUB_OFFLINE
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError

        if self._offline or HF_HUB_OFFLINE:
            return "not asked"
        if self._silent:
            return "unreachable"
        pipeline = model.stage == "generate" and not model.replaces
        try:
            url = hf_hub_url(model.model, "model_index.json" if pipeline else "config.json", revision=model.revision)
            get_hf_file_metadata(url, timeout=TIMEOUT)
            return "reachable"
        except GatedRepoError:
            return "gated"
        except HFValidationError:
            return "absent"
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 500
            self._silent = status >= 500
            return "unreachable" if self._silent else "absent"
        except Exception as error:
            if not isinstance(error, OSError) and not type(error).__module__.startswith("http"):
                raise
            self._silent = True
            return "unreachable"


def is_cached(model: str, revision: str, without: set[str]) -> bool:
    """Whether all that a model is loaded from lies in the Hub cache, but for the parts ``without``.

    A file in a snapshot is whole: the Hub client links it there when its download is complete.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for name in ("model_index.json", "config.json"):
        try:
            found = try_to_load_from_cache(model, name, revision=revision)
        except HFValidationError:
            return False
        if isinstance(found, str):
            return all(_whole(folder) for folder in _parts(Path(found), without))
    return False


def _parts(config: Path, without: set[str]) -> list[Path]:
    """The folders that must hold weights, from the configuration at a repository's root."""
    if config.name == "config.json":
        return [config.parent]
    listed = json.loads(config.read_text(encoding="utf-8"))
    names = [name for name, value in listed.items() if isinstance(value, list) and value[0] and name not in without]
    # Schedulers, tokenizers and image processors have configurations of other names, and no weights.
    kinds = ("scheduler", "tokenizer", "feature_extractor", "image_processor")
    return [config.parent / name for name in names if not name.startswith(kinds)]


def _whole(folder: Path) -> bool:
    """Whether a folder holds weights, and all their files when an index lists several."""
    listed: set[str] = set()
    for index in folder.glob("*.index.json"):
        files = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        if all((folder / name).is_file() for name in files):
            return True
        listed |= files
    return any(path.name not in listed for ending in ("safetensors", "bin") for path in folder.glob(f"*.{ending}"))
