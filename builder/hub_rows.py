"""The rows of a data set on the Hub as `datasets` streams them: which columns count, and where the image's bytes are.

Columns are known by name, as tables have them: ``style`` is our genre (in `huggan/wikiart` the column ``genre`` says
portrait or landscape). Numbers of a ClassLabel become its names. Encoded images are handed on as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from artsim_dataset.errors import ArtsimError, ConfigError
from builder.stage import Reject

MAX_IMAGE_BYTES = 1 << 30
IMAGE_NAMES = ("image", "original", "original_image", "img")
COLUMN_NAMES = {
    "genre": ("style", "genre", "styles", "label"),
    "artist": ("artist", "artist_name"),
    "title": ("title", "painting_name", "name"),
}
"""Our column -> what data sets call it; the first that is present is taken."""

NOBODY = frozenset({"unknown artist", "unknown", "anonymous", "nan", "none", "null"})


@dataclass(frozen=True)
class Found:
    """One row: the encoded image, or why there is none, and what the columns or the image's path say of it."""

    image: bytes | Reject
    genre: str = ""
    artist: str = ""
    title: str = ""


def open_splits(repo: str, config: str, commit: str) -> Mapping[str, Any]:
    """The splits of a data set as streams, by name. Raises ConfigError when it must be told which config."""
    from datasets import load_dataset

    with explained(repo):
        try:
            return dict(load_dataset(repo, *([config] if config else []), revision=commit, streaming=True))
        except ValueError as error:
            if "onfig name is missing" not in str(error):
                raise
            names = str(error).partition("[")[2].partition("]")[0]
            raise ConfigError(f"{repo} has several configs ({names}); give one of them: hf:{repo}:CONFIG") from error


def shard_count(split: Any) -> int:
    """How many pieces a split can be read in: Parquet files, or image files."""
    count: int = split.num_shards if hasattr(split, "num_shards") else split.n_shards
    return max(1, count)


def read_shard(repo: str, commit: str, split: Any, number: int, count: int) -> Iterator[Found]:
    """The rows of a piece of a split, one image in memory at a time."""
    from datasets import Image

    with explained(repo):
        features = split.features or {}
        column, names = _columns(repo, features)
        inside = f"hf://datasets/{repo}@{commit}/"
        # `datasets` 5 decodes files from the Hub in threads of its own, which a cast does not stop.
        encoded = split.decode(False) if hasattr(split, "decode") else split.cast_column(column, Image(decode=False))
        for row in encoded.shard(num_shards=count, index=number):
            cells = {ours: _text(features[theirs], row[theirs]) for ours, theirs in names.items()}
            image = row[column] or {}
            path = str(image.get("path") or "")
            told = _told(path) if path and "artist" not in names else {}
            yield Found(_image(image.get("bytes"), path, inside), **{**told, **{k: v for k, v in cells.items() if v}})


def _columns(repo: str, features: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The column of the images, and our column -> theirs."""
    from datasets import Image

    images = [name for name, feature in features.items() if isinstance(feature, Image)]
    column = images[0] if len(images) == 1 else next((name for name in IMAGE_NAMES if name in images), None)
    if column is None:
        has = f"several columns of images ({', '.join(images)})" if images else "no column of images"
        raise ConfigError(f"{repo} has {has}; give a data set with one, such as hf:huggan/wikiart")
    found = {ours: next((n for n in theirs if n in features), "") for ours, theirs in COLUMN_NAMES.items()}
    return column, {ours: theirs for ours, theirs in found.items() if theirs}


def _text(feature: Any, value: Any) -> str:
    """A cell as text: a class by its name, the first of a list; nothing for what stands for nothing."""
    if isinstance(value, list | tuple):
        feature, value = getattr(feature, "feature", None), value[0] if value else None
    if isinstance(value, int) and hasattr(feature, "int2str"):
        value = feature.int2str(value) if 0 <= value < feature.num_classes else None
    text = "" if value is None or value != value else str(value).strip()
    return "" if text.lower() in NOBODY else text


def _told(path: str) -> dict[str, str]:
    """What a path such as ``Cubism/juan-gris_guitar.jpg`` says, for data sets that are folders of images.

    >>> _told("hf://datasets/a/b@0/train/Cubism/juan-gris_guitar.jpg")
    {'genre': 'Cubism', 'artist': 'juan-gris', 'title': 'guitar'}
    >>> _told("0007.jpg")
    {'genre': '', 'artist': '', 'title': '0007'}
    """
    inside = PurePosixPath(path.partition("::")[0])
    artist, _, title = inside.stem.partition("_")
    genre = inside.parent.name if "://" in path else ""
    return {"genre": genre, "artist": artist if title else "", "title": title or artist}


def _image(data: bytes | None, path: str, inside: str) -> bytes | Reject:
    """The encoded image, out of the row or out of a file of the same repository.

    Data sets are not trusted: a row can name any path, of this machine too, and none but the repository's is opened.
    """
    import fsspec

    if data or not path:
        return data or Reject("empty_image", "the row has no image")
    name = PurePosixPath(path).name
    if not path.split("::")[-1].startswith(inside) or ".." in path.split("/"):
        return Reject("outside_root", "the row's image is a path outside the data set")
    try:
        with fsspec.open(path, "rb") as opened:
            data = opened.read(MAX_IMAGE_BYTES + 1)
    except FileNotFoundError:
        return Reject("missing_file", f"'{name}' is not in the data set")
    if len(data) > MAX_IMAGE_BYTES:
        return Reject("too_large", f"'{name}' has over {MAX_IMAGE_BYTES / 1e9:.1f} GB")
    return data or Reject("empty_image", f"'{name}' is empty")


@contextmanager
def explained(repo: str) -> Iterator[None]:
    """Turns what `datasets` and its clients raise into one sentence. Errors of the disk are left to the build."""
    try:
        yield
    except ArtsimError:
        raise
    except Exception as error:
        first = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        network = type(error).__module__.startswith(("http", "aiohttp", "requests", "huggingface_hub"))
        if network or isinstance(error, ConnectionError):
            raise ArtsimError(f"{repo} cannot be fetched ({first}); the same command goes on from here") from error
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if "scripts are no longer supported" in first:
            raise ConfigError(
                f"{repo} is loaded by a script, which is not run; download it and give the folder"
            ) from error
        raise ConfigError(
            f"{repo} cannot be read as a data set of images ({first}); download it and give the folder"
        ) from error
