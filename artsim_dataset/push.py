"""Publishes a trained model on the Hub: its folder as one commit, with a card for strangers.

One commit, so that nobody ever meets half a model: files go to storage first, and a second run sends what is missing.
Training takes long and pushing comes last, so :func:`check_push` finds out before it what would fail after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.hub_errors import hub_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from artsim_dataset.model_card import DataFacts

_OURS = re.compile(r"(fusion/)?\d+_\w+/.+|model\.safetensors|artsim_encoder\.json|parts\.json")
"""Files of the modules of a model: what an earlier one had and this one has not is removed."""

_SUFFIXES = frozenset([".json", ".safetensors", ".txt", ".jinja"])
"""Of files beside the modules: settings, vocabularies and the weights of a first module. Not the card, nor pickles."""


def check_push(repo: str) -> None:
    """Finds out whether this machine's token may write to ``repo``, without making it.

    Raises:
        ConfigError: no such name can be, there is no token, or it is of somebody else or only for reading.
        HubError: the Hub cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import validate_repo_id

    with hub_errors(repo):
        validate_repo_id(repo)
        if repo.count("/") != 1:
            raise ConfigError(f"'{repo}' names no owner: give user/name")
        who = HfApi().whoami()
    owner, name = repo.split("/")[0], str(who["name"])
    if owner not in {name, *(str(one["name"]) for one in who.get("orgs", []))}:
        raise ConfigError(f"the token for the Hub is {name}'s, who may not write to {repo}: push to {name}/...")
    if who.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise ConfigError(f"the token for the Hub may only read: make one with write access to {repo}")


def refuse_local(encoder: str) -> None:
    """Raises ConfigError: a head on ``encoder`` cannot be published."""
    raise ConfigError(
        f"the encoder {encoder} is a folder on this machine, which nobody else has: publish that first, then train "
        "with its name on the Hub"
    )


def data_facts(dataset: str | Path) -> DataFacts:
    """Names the data set at a folder or Hub id, with its digest and revision as they are now."""
    from artsim_dataset.load import check_dataset
    from artsim_dataset.loading.published import find_published
    from artsim_dataset.model_card import DataFacts

    check_dataset(dataset)
    found = find_published(dataset)
    return DataFacts(found.repo or Path(dataset).resolve().name, found.digest, found.commit)


def push_model(
    folder: str | Path,
    repo: str,
    private: bool = False,
    data: DataFacts | None = None,
    evaluation: Mapping[str, Any] | None = None,
) -> str:
    """Publishes the model that `artsim train` wrote to ``folder``, and returns the address of the commit.

    Args:
        folder: the model; it is not changed.
        repo: user/name, made when missing. Its modules are replaced, other files in it are left alone.
        private: for a repository that is made.
        data: what it was trained on, see :func:`data_facts`; the card names it.
        evaluation: what `artsim evaluate --json` prints of this model on held-out paintings; the card shows it. When
            None, it shows the validation paintings' numbers, as such.

    Raises:
        ConfigError: ``folder`` holds no finished model, or nobody else could use it; or the token may not write.
        HubError: the Hub refused or failed; the same call goes on.

    Example::

        push_model("my-model", "user/paintings-similarity", data=data_facts("user/artsim"))
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard

    from artsim_dataset.model_card import Publication, render_card

    files, facts, dim = _read(Path(folder))
    card = render_card(facts, dim, Publication(repo, data, evaluation))
    with hub_errors(repo):
        api = HfApi()
        ModelCard(card).validate()
        api.create_repo(repo, private=private, exist_ok=True)
        if private and not api.model_info(repo).private:
            raise ConfigError(f"{repo} is there already and everybody sees it: push to another, or without --private")
        adds = [CommitOperationAdd(name, path) for name, path in files.items()]
        adds.append(CommitOperationAdd("README.md", card.encode()))
        before = api.list_repo_files(repo)
        stale = [name for name in before if _OURS.fullmatch(name) and name not in files]
        deletes = [CommitOperationDelete(name) for name in stale]
        commit = api.create_commit(repo, [*adds, *deletes], commit_message=f"artsim {facts['artsim']}: model and card")
        _check(api, repo, commit.oid, {name: path.stat().st_size for name, path in files.items()})
    return str(commit.commit_url)


def _read(folder: Path) -> tuple[dict[str, Path], dict[str, Any], int]:
    """The files of a model by name, what is known of it, and the length of its vectors."""
    try:
        modules = json.loads((folder / "modules.json").read_text("utf-8"))
        facts = json.loads((folder / "artsim.json").read_text("utf-8"))
        inner = [folder / module["path"] for module in modules if module["path"]]
        dim = int(facts["dim"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"{folder} holds no finished similarity model; make one: artsim train siamese DATASET --out {folder}"
        ) from error
    if Path(facts["encoder"].rpartition(":")[2]).is_absolute():  # a Hub id never is, whatever lies in this folder
        refuse_local(facts["encoder"])
    paths = [path for path in folder.iterdir() if path.is_file() and path.suffix in _SUFFIXES]
    paths += [path for part in (*inner, folder / "fusion") for path in part.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}, facts, dim


def _check(api: HfApi, repo: str, commit: str, sizes: Mapping[str, int]) -> None:
    """Reads back what the commit holds."""
    published = {
        file.rfilename: file.size for file in api.model_info(repo, revision=commit, files_metadata=True).siblings or []
    }
    wrong = [name for name, size in sizes.items() if published.get(name) != size]
    if wrong:
        raise ArtsimError(f"{repo} has other files than were sent ({', '.join(sorted(wrong)[:3])}): push it again")
