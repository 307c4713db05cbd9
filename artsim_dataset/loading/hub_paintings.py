"""Brings the paintings that a recipe asks for from a data set on the Hub: ``originals="hf:huggan/wikiart"``.

Rows are streamed until all paintings are found, by the sha256 of their encoded bytes, and what is found is kept beside
the cache of `datasets`, so that a second time nothing is fetched. The data set is not trusted: a row can name any path,
of this machine too, and none but the repository's own is opened.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from artsim_dataset.errors import ConfigError
from artsim_dataset.hub_errors import hub_errors

PREFIX = "hf:"
_SOURCE = re.compile(r"hf:(\w[\w.-]*/\w[\w.-]*?)(?::([\w.-]+))?(?:@([\w./-]+))?")


def parse_source(source: str) -> tuple[str, str, str]:
    """Repository, config ('' for its default) and revision of a source. Raises ConfigError when it has no such form.

    >>> parse_source("hf:huggan/wikiart"), parse_source("hf:a/b:c@v1")
    (('huggan/wikiart', '', 'main'), ('a/b', 'c', 'v1'))
    """
    match = _SOURCE.fullmatch(source)
    if not match:
        raise ConfigError(f"'{source}' names no Hub data set; give hf:owner/name, or hf:owner/name:config@revision")
    return match[1], match[2] or "", match[3] or "main"


def bring_paintings(source: str, sums: Iterable[str]) -> Path:
    """A folder that holds those paintings of a data set whose sha256 is among ``sums``, as far as it has them.

    Args:
        source: ``hf:owner/name``, ``hf:owner/name:config`` or ``hf:owner/name@revision``, as `artsim build` takes it.
        sums: sha256 of the encoded images, in hexadecimal.

    Raises:
        ConfigError: not of this form, no such data set, or one without a column of images.
        HubError: the Hub or the network failed; what was brought is kept.
    """
    from datasets import config
    from huggingface_hub.utils import tqdm

    repo, name, revision = parse_source(source)
    folder = Path(config.HF_DATASETS_CACHE) / "artsim-originals" / repo.replace("/", "--")
    folder.mkdir(parents=True, exist_ok=True)
    missing = {sum_ for sum_ in sums if not (folder / sum_).is_file()}
    with tqdm(total=len(missing), desc="fetching originals", unit="", disable=None) as bar:
        for data in _images(repo, name, revision) if missing else ():
            sum_ = sha256(data).hexdigest()
            if sum_ in missing:
                _keep(folder / sum_, data)
                missing.remove(sum_)
                bar.update()
            if not missing:
                break
    return folder


def _images(repo: str, name: str | None, revision: str) -> Iterator[bytes]:
    """The encoded images of all splits, one at a time."""
    from datasets import Image, load_dataset
    from huggingface_hub import HfApi

    with hub_errors(repo):
        commit = HfApi().dataset_info(repo, revision=revision).sha
        for split in load_dataset(repo, *([name] if name else []), revision=commit, streaming=True).values():
            columns = [column for column, kind in (split.features or {}).items() if isinstance(kind, Image)]
            if len(columns) != 1:
                raise ConfigError(f"{repo} has {len(columns)} columns of images; originals come from one with one")
            # `datasets` 5 decodes files from the Hub in threads of its own, which a cast does not stop.
            encoded = split.decode(False) if hasattr(split, "decode") else split.cast_column(columns[0], Image(False))
            for row in encoded:
                data = _bytes(row[columns[0]] or {}, f"hf://datasets/{repo}@{commit}/")
                if data:
                    yield data


def _bytes(image: dict[str, Any], inside: str) -> bytes | None:
    """The bytes of a row's image, out of the row or out of a file of its repository."""
    path = str(image.get("path") or "")
    if image.get("bytes") or not path.startswith(inside) or ".." in path.split("/"):
        return image.get("bytes")
    import fsspec

    with fsspec.open(path, "rb") as file:
        return bytes(file.read())


def _keep(path: Path, data: bytes) -> None:
    """Writes a file as a whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
