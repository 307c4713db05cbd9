"""Lists Hub sources in a process that was sent to a Hub by its environment; jobs and answers are JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from artsim_dataset.errors import ArtsimError
from builder.hub_source import find_hub_source, list_hub_source


class Counting:
    """A watcher that remembers how many shards there were and how many were passed."""

    def __init__(self) -> None:
        self.seen = [0, 0]

    def stage(self, name: str, rows: int, done: int) -> None:
        self.seen = [rows, done]

    def advance(self, rows: int) -> None:
        self.seen[1] += rows


def listed(source: str, work: Path, limit: int | None) -> dict[str, Any]:
    watcher = Counting()
    work.mkdir(parents=True, exist_ok=True)
    try:
        found = find_hub_source(source, work)
        listing = list_hub_source(found, limit, watcher)
    except ArtsimError as error:
        return {"error": str(error), "kind": type(error).__name__}
    entries = [asdict(entry) for entry in listing.entries]
    rejects = [[reject.id, reject.reason] for reject in listing.rejects]
    return {
        "root": str(found.root),
        "commit": found.commit,
        "entries": entries,
        "rejects": rejects,
        "shards": watcher.seen,
    }


if __name__ == "__main__":
    jobs = json.load(sys.stdin)
    json.dump([listed(job["source"], Path(job["work"]), job.get("limit")) for job in jobs], sys.stdout)
