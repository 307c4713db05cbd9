"""Text that must not be published: paths of the machine that built the data set, keys, e-mail addresses.

Web addresses, "and/or", names of files and of models (user/name) are no such text. What looks like a formula to a
spreadsheet program is left alone: prompts and titles are published as they were, and nothing promises otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

from artsim_dataset.storage import Place, readable
from artsim_dataset.validate.folder import Folder

MACHINE_PATHS, KEYS, MAIL = "text: no machine path", "text: no key", "text: no e-mail address"

_FOLDERS = "home|Users|root|tmp|var|mnt|media|opt|private|srv|scratch|Volumes|workspace|usr|etc"
_URL = re.compile(r"\b(?:https?|ftp|s3|gs|hf)://\S+")
_PATH = re.compile(
    rf"(?<![\w./~])/(?:{_FOLDERS})/+[\w.~-]"
    r"|\bfile:/"
    r"|(?<![A-Za-z0-9])[A-Za-z]:(?:\\+[\w.~-]|/(?:Users|Windows|Program Files|home|tmp)\b)"
    r"|(?<![\\\w])\\\\[\w.-]+\\+\w"
)
_HERE = re.compile(r"https?://(?:localhost|127\.\d+\.\d+\.\d+|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|0\.0\.0\.0)\b")
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?=[\w-]*\d)(?:[\w-]*-)?[A-Za-z0-9]{20,}"  # a slug has a hyphen sooner
    r"|hf_[A-Za-z0-9]{30,}"
    r"|AKIA[0-9A-Z]{16}(?![A-Za-z0-9])"
    r"|gh[pousr]_[A-Za-z0-9]{30,}"
    r"|github_pat_\w{20,}"
    r"|AIza[\w-]{35}"
    r"|xox[abprs]-[\w-]{10,}"
    r"|Bearer [\w.~+/-]{20,}"
    r")"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_MAIL = re.compile(
    r"(?<![\w.+%-])(?!git@)[\w.+%-]+@(?:[A-Za-z0-9-]+\.)+"
    r"(?!(?:jpe?g|png|webp|tiff?|gif|bmp|heic|avif|csv|json|parquet|txt)\b)[A-Za-z]{2,}\b"
)
_IN_PATHS = (*(f"/{folder}/" for folder in _FOLDERS.split("|")), ":/", ":\\", "\\\\")
_GITHUB = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_")
_IN_KEYS = ("sk-", "hf_", "AKIA", *_GITHUB, "AIza", "xox", "Bearer ", "PRIVATE KEY-----")
"""Every path has one of these in it, and every key: most texts have none, which is seen sooner than by a pattern."""


def _any(marks: tuple[str, ...], text: str) -> bool:
    return any(mark in text for mark in marks)


class Reader:
    """Finds such text, and knows the folder's own path as one of this machine."""

    def __init__(self, folder: Folder) -> None:
        own = folder.path.resolve() if isinstance(folder.path, Path) else None
        self._own = str(own) if own and len(own.parts) > 2 else None

    def machine_path(self, text: str) -> str | None:
        """The first machine path or address of this machine in the text."""
        if self._own and self._own in text:
            return self._own
        if not _any(_IN_PATHS, text):
            return None
        match = _HERE.search(text) or (_PATH.search(text) and _PATH.search(_URL.sub(" ", text)))
        return _around(match) if match else None

    def key(self, text: str) -> str | None:
        """The beginning of the first key: the report must not publish it either."""
        match = _KEY.search(text) if _any(_IN_KEYS, text) else None
        return f"{match[0][:7]}..." if match else None

    def mail(self, text: str) -> str | None:
        match = _MAIL.search(text) if "@" in text else None
        return match[0] if match else None

    def look(self, text: str) -> Iterator[tuple[str, str]]:
        """Check and message for all that must not be in the text."""
        checks: dict[str, tuple[Callable[[str], str | None], str]] = {
            MACHINE_PATHS: (self.machine_path, "holds a path of a machine"),
            KEYS: (self.key, "holds what looks like a key"),
            MAIL: (self.mail, "holds an e-mail address"),
        }
        for check, (find, message) in checks.items():
            found = find(text)
            if found:
                yield check, f"{message}: {found}"


def _around(match: re.Match[str]) -> str:
    """The whole path, as far as one sees where it ends."""
    rest = match.string[match.start() :]
    return re.split(r"[\s\"'<>|]", rest, maxsplit=1)[0][:80]


def strings(value: object) -> Iterator[str]:
    """All texts in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def texts_of_files(folder: Folder) -> Iterator[tuple[str, str]]:
    """Where and text, of every file that is not Parquet, and of the footers of those that are."""
    for name in folder.files:
        path = folder.path / name
        if name.endswith(".parquet"):
            yield from ((name, text) for text in _footer(path))
        elif name.endswith(".json"):
            text = path.read_text(encoding="utf-8", errors="replace")
            try:
                yield from ((name, text) for text in strings(json.loads(text)))
            except ValueError:
                yield name, text
        else:
            with path.open(encoding="utf-8", errors="replace") as file:
                yield from ((f"{name} line {number}", line) for number, line in enumerate(file, start=1))


def _footer(path: Place) -> Iterator[str]:
    try:
        with readable(path) as file:
            metadata = pq.read_metadata(file).metadata or {}
    except Exception:  # unreadable: another check says so  # noqa: BLE001
        return
    for key, value in metadata.items():
        if key != b"ARROW:schema":
            yield value.decode("utf-8", errors="replace")
