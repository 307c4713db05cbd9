"""The last files of a data set, the same for every kind of it: rejects, card, build.json, checksums."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from builder.card import write_card
from builder.cells import guarded
from builder.shards import digest, sha256_of, write_json
from builder.stage import Reject
from builder.tables import write_csv

REJECT_COLUMNS = ("id", "stage", "reason", "message")


def write_rejects(out: Path, rejects: Sequence[Reject]) -> None:
    """rejected.csv: every row that could not go on, with its reason. For people, so safe to open in a spreadsheet."""
    rows = ([guarded(cell) for cell in (r.id, r.stage, r.reason, r.message)] for r in rejects)
    write_csv(out / "rejected.csv", REJECT_COLUMNS, rows)


def seal(out: Path, mark: str, facts: dict[str, Any], template: str) -> None:
    """Writes card, build.json and checksums.

    Args:
        out: the folder, with all data files in it.
        mark: names what went in; kept in build.json as ``inputs``.
        facts: what the card and build.json say.
        template: of the card.
    """
    sums = checksums(out)
    facts = {"inputs": mark, "digest": digest(sums), **facts}
    write_card(out / "README.md", facts, template)
    write_json(out / "build.json", facts)
    sums |= {name: sha256_of(out / name) for name in ("README.md", "build.json")}
    lines = [f"{sum_}  {name}\n" for name, sum_ in sorted(sums.items())]
    (out / "checksums.sha256").write_text("".join(lines), encoding="utf-8")


def checksums(out: Path) -> dict[str, str]:
    """sha256 of every file below, by name."""
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    return {name: sha256_of(out / name) for name in names}
