"""Joins paintings to a data set that was published without them, from a folder of the same files or from the Hub.

Such a data set has the columns of a full one, and its originals are null: ``original`` in `pairs`, ``anchor`` and
``negative`` in the triplets, ``image`` of the rows labelled original in `real_vs_ai`. `originals.json` is the recipe:
for each painting the sha256 of its file and of the picture made of it, and how that is made. Files are found by their
content, so names and folders do not matter, and nothing but the very file is taken. With the library versions of the
build the joined rows are those of the full data set, byte for byte; with others they may differ in the last bits of
some pixels, which is said in a warning.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from hashlib import file_digest, sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.loading.hub_paintings import PREFIX, bring_paintings
from artsim_dataset.schema import LABELS, painting_id_of
from artsim_dataset.storage import place

if TYPE_CHECKING:
    from artsim_dataset.loading.published import Published

RECIPE = "originals.json"
PUBLISHED = "originals_published"
"""Key of build.json; False in a data set without originals, and absent from all others."""

SMALL = ("triplets", "triplets_hard", "real_vs_ai")
"""Configs that show small pictures; `pairs` shows the letterboxed ones."""

_HASHED_AT_ONCE = 64
_SHOWN = 3


@dataclass(frozen=True)
class Recipe:
    """How originals are made of files.

    ``letterbox``: arguments of `letterbox`; ``small``: size and quality of `shrink`; ``files``: painting id -> sha256
    of its file; ``pictures``: painting id -> sha256 of the letterboxed JPEG; ``software``: versions it was made with.
    """

    letterbox: Mapping[str, Any]
    small: Mapping[str, int]
    files: Mapping[str, str]
    pictures: Mapping[str, str]
    software: Mapping[str, str]

    def to_json(self) -> str:
        paintings = {id_: {"file": self.files[id_], "picture": self.pictures[id_]} for id_ in sorted(self.files)}
        value = {
            "letterbox": dict(self.letterbox),
            "small": dict(self.small),
            "software": dict(self.software),
            "paintings": paintings,
        }
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str) -> Recipe:
        """Raises ArtsimError when the text is no recipe."""
        try:
            value = json.loads(text)
            paintings = value["paintings"].items()
            return Recipe(
                {name: value["letterbox"][name] for name in ("size", "quality", "max_pixels", "crop")},
                {name: value["small"][name] for name in ("size", "quality")},
                {id_: str(sums["file"]) for id_, sums in paintings},
                {id_: str(sums["picture"]) for id_, sums in paintings},
                dict(value["software"]),
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ArtsimError(f"{RECIPE} is no recipe for originals: fetch the data set again ({error})") from error


def read_recipe(published: Published, shown: object) -> Recipe:
    """The recipe of a data set. Raises ConfigError when it has its originals and needs none."""
    if published.build.get(PUBLISHED, True):
        raise ConfigError(f"{shown} was published with its originals: leave out 'originals'")
    if published.repo:
        from huggingface_hub import hf_hub_download

        from artsim_dataset.hub_errors import hub_errors

        with hub_errors(published.repo):
            path = hf_hub_download(
                published.repo, RECIPE, repo_type="dataset", revision=published.commit, token=published.token
            )
    else:
        path = f"{published.folder}/{RECIPE}"
    try:
        return Recipe.from_json(place(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtsimError(f"{shown} has no {RECIPE}: fetch the data set again") from error


# --- finding files -------------------------------------------------------------------------------------------------


def find_paintings(folder: Path, recipe: Recipe, ids: Iterable[str], shown: str | Path) -> dict[str, Path]:
    """The file of each painting, found by its sha256.

    Args:
        folder: searched with all its folders. Files that are named as a painting is are read first, and reading ends
            when all are found.
        recipe: which file is meant.
        ids: the paintings that are needed.
        shown: what a person called the folder.

    Raises:
        ConfigError: ``folder`` is none.
        ArtsimError: paintings are missing; how many, and the first of them.
    """
    if not folder.is_dir():
        raise ConfigError(f"originals: {shown} is no folder; give the one that holds the paintings, or hf:owner/name")
    needed = set(ids)
    unknown = sorted(needed - recipe.files.keys())
    if unknown:
        raise ArtsimError(f"{RECIPE} says nothing of {unknown[0]}: fetch the data set again")
    wanted = {recipe.files[id_] for id_ in needed}
    names = {_plain(id_.rpartition("/")[2]) for id_ in needed}
    candidates = iter(sorted(_files(folder), key=lambda path: (_plain(path.stem) not in names, path)))
    found: dict[str, Path] = {}
    with ThreadPoolExecutor(8) as pool:
        while found.keys() < wanted and (some := list(islice(candidates, _HASHED_AT_ONCE))):
            for path, sum_ in zip(some, pool.map(_sum, some), strict=True):
                if sum_ in wanted:
                    found.setdefault(sum_, path)
    missing = sorted(id_ for id_ in needed if recipe.files[id_] not in found)
    if missing:
        first = ", ".join(missing[:_SHOWN]) + (" ..." if len(missing) > _SHOWN else "")
        raise ArtsimError(
            f"{len(missing):,} of {len(needed):,} paintings are not in {shown}: {first}; they are found by the sha256 "
            f"of the file, so another scan of the same painting, or the same one encoded again, does not count"
        )
    return {id_: found[recipe.files[id_]] for id_ in needed}


def _plain(name: str) -> str:
    """A name without what files and ids write in different ways."""
    return "".join(character for character in name.lower() if character.isalnum())


def _files(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        yield from (Path(where, name) for name in names)


def _sum(path: Path) -> str:
    """sha256 of a file; '' of what cannot be read or is no plain file: it is nobody's painting."""
    try:
        if not path.is_file():
            return ""
        with open(path, "rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


# --- making pictures -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Join:
    """Fills the originals of one config's rows. Workers get it pickled; pictures are made as rows ask for them."""

    config: str
    recipe: Recipe
    paintings: Mapping[str, Path]

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of the row that were null, with their pictures."""
        return {
            column: {"bytes": self._picture(id_), "path": f"{id_.rpartition('/')[2]}.jpg" if self.full else None}
            for column, id_ in originals_of(self.config, row)
        }

    @property
    def full(self) -> bool:
        return self.config not in SMALL

    def _picture(self, id_: str) -> bytes:
        path, sum_ = str(self.paintings[id_]), self.recipe.files[id_]
        arguments = tuple(self.recipe.letterbox.items())
        if self.full:
            return _letterboxed(path, sum_, self.recipe.pictures[id_], arguments)[0]
        return _small(path, sum_, self.recipe.pictures[id_], arguments, self.recipe.small["size"],
                      self.recipe.small["quality"])  # fmt: skip


def originals_of(config: str, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Columns of a row that show an original, with the painting's id.

    >>> originals_of("triplets", {"anchor_id": "Cubism/a", "negative_id": "Baroque/b"})
    [('anchor', 'Cubism/a'), ('negative', 'Baroque/b')]
    """
    if config == "pairs":
        return [("original", painting_id_of(row["id"]))]
    if config in ("triplets", "triplets_hard"):
        return [("anchor", row["anchor_id"]), ("negative", row["negative_id"])]
    if config == "real_vs_ai" and row["label"] == LABELS.index("original"):
        return [("image", row["id"])]
    return []


ID_COLUMNS = {
    "pairs": ("id",),
    "triplets": ("anchor_id", "negative_id"),
    "triplets_hard": ("anchor_id", "negative_id"),
    "real_vs_ai": ("id", "label"),
}
"""What :func:`originals_of` looks at; configs that show no original are not here."""


@lru_cache(maxsize=32)
def _letterboxed(
    path: str, sum_: str, picture_sum: str, arguments: tuple[tuple[str, Any], ...]
) -> tuple[bytes, tuple[int, int, int, int]]:
    """The letterboxed JPEG of a painting, and its content box. The last ones are kept: variants of one follow on."""
    from artsim_dataset.letterbox import BadImage, letterbox

    data = Path(path).read_bytes()
    if sha256(data).hexdigest() != sum_:
        raise ArtsimError(f"{path} was changed since it was found: put the painting back, then load again")
    try:
        made = letterbox(data, **dict(arguments))
    except BadImage as error:
        raise ArtsimError(f"{path} cannot be read as it was when the data set was built: {error}") from error
    if sha256(made.jpeg).hexdigest() != picture_sum:
        warnings.warn(
            "originals come out with other bytes than those of the full data set: it was built with other versions of "
            "pillow or pyvips (build.json names them); they look the same and differ in the last bits",
            stacklevel=2,
        )
    return made.jpeg, made.box


@lru_cache(maxsize=4096)
def _small(
    path: str, sum_: str, picture_sum: str, arguments: tuple[tuple[str, Any], ...], size: int, quality: int
) -> bytes:
    """The small picture of a painting; some 60 MB of them are kept, since one is anchor and negative several times."""
    from artsim_dataset.images import shrink

    jpeg, box = _letterboxed(path, sum_, picture_sum, arguments)
    return shrink(jpeg, box, size, quality)


def may_fork() -> bool:
    """Whether processes that `datasets` forks for ``num_proc`` can work here.

    Not once this process has read paintings: libvips may have threads by now, which a fork does not take along, and
    the child waits for them for ever.
    """
    return "artsim_dataset.letterbox" not in sys.modules


def join(rows: Any, config: str, recipe: Recipe, originals: str | Path, num_proc: int | None = None) -> Any:
    """A split of `datasets` (map-style or streamed) with its originals filled in.

    Args:
        rows: a split of a data set without originals.
        config: its config.
        recipe: of the data set.
        originals: where the paintings are: a folder, or ``hf:owner/name`` for a data set on the Hub.
        num_proc: processes, for a map-style split; see :func:`may_fork`. Its joined form is cached by `datasets`.

    Raises:
        ConfigError, ArtsimError: as :func:`find_paintings` does. Of a stream, all paintings of the data set are
            looked for, of a map-style split those that its rows need.
    """
    from datasets import Image, IterableDataset

    from artsim_dataset.features import FEATURES

    if config not in ID_COLUMNS:
        return rows
    features = FEATURES[config]
    if isinstance(rows, IterableDataset):
        needed: Iterable[str] = recipe.files
    else:
        light = rows.select_columns(list(ID_COLUMNS[config]))
        needed = {id_ for row in light for _, id_ in originals_of(config, row)}
    if str(originals).startswith(PREFIX):
        folder = bring_paintings(str(originals), {recipe.files[id_] for id_ in needed if id_ in recipe.files})
    else:
        folder = Path(originals).expanduser()
    work = Join(config, recipe, find_paintings(folder, recipe, needed, originals))
    for column, feature in features.items():
        if isinstance(feature, Image):
            rows = rows.cast_column(column, Image(decode=False))  # the work needs no pixels of the others
    if isinstance(rows, IterableDataset):
        return rows.map(work).cast(features)  # with features, map would take the bytes for what is decoded already
    return rows.map(work, features=features, num_proc=num_proc, desc="joining originals")
