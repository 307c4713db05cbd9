"""The commit that a build's models are at: looked up once, kept in the work folder (`models.json`, like a lock file).

A branch such as ``main`` moves, and a build that resumes tomorrow must use the weights of today.
"""

from __future__ import annotations

import json
from importlib.util import find_spec

from artsim_dataset.errors import MissingExtra
from artsim_dataset.storage import Place
from artsim_dataset.weights import Weights, commit_of, folder_digest, loading, settled
from builder.shards import write_json

__all__ = ["LOCK", "Weights", "folder_digest", "loading", "require", "resolve"]

LOCK = "models.json"


def require(feature: str, extra: str, *packages: str) -> None:
    """Raises MissingExtra, before any work, when a package of an extra is not installed."""
    if any(find_spec(package) is None for package in packages):
        raise MissingExtra(feature, extra)


def resolve(model: str, revision: str, work: Place) -> Weights:
    """The weights that ``model`` means now, or meant when the build in ``work`` began.

    Args:
        model: a local folder, or a Hub id such as ``facebook/bart-large-cnn``.
        revision: commit, tag or branch; a local folder has none.
        work: the work folder, where the commit is written down.

    Raises:
        ConfigError: no such folder or repository, or it cannot be reached and is not in the cache.
    """
    found = settled(model, revision)
    if found:
        return found
    lock = work / LOCK
    known: dict[str, str] = json.loads(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    key = f"{model}@{revision}"
    if key not in known:
        known[key] = commit_of(model, revision)
        work.mkdir(parents=True, exist_ok=True)
        write_json(lock, known)
    return Weights(model, known[key])
