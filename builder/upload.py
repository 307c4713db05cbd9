"""Puts a data set that was written on this machine into an object store, and knows later whether it is still there.

A store cannot rename a folder into place. So build.json is removed first and put last, and while it is absent nothing
counts as finished; every other object is whole at any moment. What is there already with these bytes is not sent again.

``work/placed.json`` keeps the sha256, size and tag of each object as it was put: an object that still has its size and
tag has its bytes, and need not be fetched to be known.
"""

from __future__ import annotations

import json
from pathlib import Path

from artsim_dataset.object_store import ObjectPath, Stored
from artsim_dataset.storage import files_below, sha256_of
from builder.shards import write_json

PLACED = "placed.json"
LAST = ("checksums.sha256", "build.json")

Placed = dict[str, tuple[str, int, str]]
"""Name -> sha256, size and tag."""


def put_into_place(made: Path, out: ObjectPath) -> None:
    """Uploads the folder ``made`` as the data set ``out``; older files of the same configs are removed."""
    (out / "build.json").unlink(missing_ok=True)
    before, there = _placed(out), _there(out)
    now: Placed = {}
    sizes = files_below(made)
    for name in sorted(sizes, key=lambda n: (LAST.index(n) + 1 if n in LAST else 0, n)):
        sum_ = sha256_of(made / name)
        known = before.get(name)
        if known is None or known[0] != sum_ or not _same(known, there.get(name)):
            known = (sum_, sizes[name], (out / name).put(made / name).tag)
        if name == LAST[0]:
            _remove_others(out, there, sizes)
            write_json(out / "work" / PLACED, now | {name: known})
        now[name] = known


def is_as_placed(out: ObjectPath) -> bool:
    """Whether every file that checksums.sha256 names is there with these bytes."""
    try:
        lines = (out / LAST[0]).read_text().splitlines()
        placed, there = _placed(out), _there(out)
        for line in lines:
            expected, name = line.split("  ", 1)
            known = placed.get(name)
            whole = known and known[0] == expected and known[2] and _same(known, there.get(name))
            if not whole and sha256_of(out / name) != expected:
                return False
    except (FileNotFoundError, ValueError):
        return False
    return bool(lines)


def _same(known: tuple[str, int, str], stored: Stored | None) -> bool:
    return stored is not None and bool(known[2]) and (stored.st_size, stored.tag) == known[1:]


def _remove_others(out: ObjectPath, there: dict[str, Stored], made: dict[str, int]) -> None:
    """Shards of an earlier build with another number of them. What is no config's is not ours to remove."""
    configs = {name.partition("/")[0] for name in made if "/" in name}
    for name in there:
        if "/" in name and name.partition("/")[0] in configs and name not in made:
            (out / name).unlink(missing_ok=True)


def _there(out: ObjectPath) -> dict[str, Stored]:
    """The objects of the data set. The work folder, which has many more, is not listed."""
    return out.files(but=("work",))


def _placed(out: ObjectPath) -> Placed:
    try:
        noted = json.loads((out / "work" / PLACED).read_text())
        return {name: (str(sum_), int(size), str(tag)) for name, (sum_, size, tag) in noted.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}
