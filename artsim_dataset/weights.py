"""Which weights a model has, exactly: a Hub repository at a commit, or a local folder with the digest of its files.

A branch such as ``main`` moves, and what was computed with the weights of today must not be mixed with those of
tomorrow. So a name is turned into a commit once, before any work. A commit needs no network at all. Loading itself is
the libraries' own ``from_pretrained``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from artsim_dataset.errors import ConfigError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_SAMPLE, _SAMPLES = 1 << 20, 64


@dataclass(frozen=True)
class Weights:
    """A model and the exact state of its files. ``folder`` is where a local one lies; it is no part of the identity."""

    name: str
    revision: str
    folder: str = ""

    def identity(self) -> dict[str, str]:
        """What goes into fingerprints and provenance. No path: a folder that moves is the same model.

        >>> Weights("owner/model", "0123").identity()
        {'model': 'owner/model', 'revision': '0123'}
        """
        return {"model": self.name, "revision": self.revision}

    @property
    def place(self) -> str:
        """What ``from_pretrained`` is given first: the folder, or the Hub id."""
        return self.folder or self.name

    @property
    def commit(self) -> str | None:
        """The revision that ``from_pretrained`` is told; a local folder has none."""
        return None if self.folder else self.revision

    def where(self) -> dict[str, Any]:
        """Both as transformers names them (diffusers has another name for the first).

        >>> Weights("owner/model", "0123").where()
        {'pretrained_model_name_or_path': 'owner/model', 'revision': '0123'}
        """
        commit = {} if self.commit is None else {"revision": self.commit}
        return {"pretrained_model_name_or_path": self.place, **commit}


def locate(model: str, revision: str = "main") -> Weights:
    """The weights that ``model`` means now.

    Args:
        model: a local folder or file, or a Hub id such as ``facebook/bart-large-cnn``.
        revision: commit, tag or branch; what is local has none.

    Raises:
        ConfigError: no such folder or repository, or it cannot be reached and is not in the cache.
    """
    found = settled(model, revision)
    return found or Weights(model, commit_of(model, revision))


def settled(model: str, revision: str) -> Weights | None:
    """:func:`locate` where nobody has to be asked: something local, or a Hub id at a commit; None for a branch or tag.

    Raises ConfigError for a name that can be neither.
    """
    path = Path(model).expanduser()
    if path.exists():
        return Weights(path.resolve().name, f"local-{folder_digest(path)}", str(path.resolve()))
    if not _HUB_ID.fullmatch(model):
        raise ConfigError(f"there is no model folder {model}; give a folder, or a Hub id such as owner/name")
    return Weights(model, revision) if _COMMIT.fullmatch(revision) else None


def commit_of(model: str, revision: str) -> str:
    """The commit that a branch or tag stands for: asked of the Hub, or, when it is out of reach, as it said last time.

    Raises ConfigError when neither knows.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RevisionResolutionError

    with loading(model):
        try:
            return HfApi().resolve_revision(model, revision=revision).resolved
        except RevisionResolutionError as error:
            raise ConfigError(
                f"{model} cannot be loaded: the Hub cannot be reached, and this model was not downloaded before; "
                "a model folder needs no network"
            ) from error


@contextmanager
def loading(model: str) -> Iterator[None]:
    """Turns what the libraries raise while they look for a model into one sentence with the way out."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        causes = [error, error.__cause__, error.__context__]
        if any(isinstance(cause, GatedRepoError) for cause in causes):
            page = f"https://huggingface.co/{model}"
            raise ConfigError(
                f"{model} is gated: accept its licence at {page}, then log in with 'hf auth login'"
            ) from error
        if any(isinstance(cause, RevisionNotFoundError) for cause in causes):
            raise ConfigError(f"{model} has no such revision; name a commit, a branch or a tag of it") from error
        if any(isinstance(cause, RepositoryNotFoundError) for cause in causes):
            raise ConfigError(
                f"the Hub has no model {model}, or it is private; check the name, or log in with 'hf auth login'"
            ) from error
        if isinstance(error, HfHubHTTPError | OSError | ValueError) or type(error).__module__.startswith("http"):
            first = str(error).strip().partition("\n")[0][:200]
            raise ConfigError(f"{model} cannot be loaded: {first}; 'artsim doctor' says what is missing") from error
        raise


def folder_digest(folder: Path) -> str:
    """16 hexadecimal digits for the files of a model folder, by their names relative to it, or for a single file.

    Files up to 64 MB are read whole, larger ones at 64 places spread evenly: weights that were trained on differ
    everywhere, and a checkpoint of 16 GB is known in a second.
    """
    state = blake2b(digest_size=8)
    inside = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    files = [folder] if folder.is_file() else sorted(inside)
    for path in files:
        size = path.stat().st_size
        state.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with open(path, "rb") as file:
            for place in range(_SAMPLES):
                if size <= _SAMPLE * _SAMPLES and place == 0:
                    state.update(file.read())
                elif size > _SAMPLE * _SAMPLES:
                    file.seek((size - _SAMPLE) * place // (_SAMPLES - 1))
                    state.update(file.read(_SAMPLE))
    return state.hexdigest()
