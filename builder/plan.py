"""What a run is about to do, noted in the work folder for `artsim status`: its stage folders, shards and models.

Outputs of earlier settings stay beside those of now, and nothing in a folder's name says which are which.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from artsim_dataset.object_store import ObjectPath
from artsim_dataset.storage import Place
from builder.shards import write_json

PLAN = "plan.json"


@dataclass(frozen=True)
class Plan:
    """The folders of a build's stages in order, by name, its shards, and its models by their commits."""

    folders: tuple[str, ...]
    shards: tuple[str, ...]
    models: dict[str, str] = field(default_factory=dict)


def write_plan(
    work: Place, folders: Sequence[str], shards: Sequence[str], settings: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Notes which stage folders and shards are those of the run that begins; the file's time is its beginning.

    The plan of a finished build is left alone when it is the same: a second run writes nothing.

    Args:
        work: the work folder.
        folders: names of the stages' folders below it, in order.
        shards: names of all shards.
        settings: of the stages; the models that they name are noted with their commits.
    """
    plan = Plan(tuple(folders), tuple(shards), models_in(settings))
    unfinished = not (work.parent / "build.json").is_file()
    if read_plan(work) != plan or (unfinished and isinstance(work, ObjectPath)):
        write_json(work / PLAN, {"folders": list(folders), "shards": list(shards), "models": plan.models})
    elif unfinished and not isinstance(work, ObjectPath):
        os.utime(work / PLAN)


def read_plan(work: Place) -> Plan | None:
    """The plan of the latest run; None when no run came so far."""
    try:
        noted = json.loads((work / PLAN).read_text(encoding="utf-8"))
        return Plan(tuple(noted["folders"]), tuple(noted["shards"]), dict(noted.get("models", {})))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def models_in(settings: Any) -> dict[str, str]:
    """Model -> revision, for every pair of the two anywhere in the settings of stages.

    >>> models_in([{"steps": 25, "model": "a/b", "revision": "01", "vae": {"model": "c/d", "revision": "02"}}, {}])
    {'a/b': '01', 'c/d': '02'}
    """
    if isinstance(settings, Mapping):
        model, revision = settings.get("model"), settings.get("revision")
        own = {model: revision} if isinstance(model, str) and isinstance(revision, str) else {}
        return own | models_in(list(settings.values()))
    if isinstance(settings, list | tuple):
        return {model: revision for part in settings for model, revision in models_in(part).items()}
    return {}
