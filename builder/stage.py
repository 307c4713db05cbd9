"""What a stage is: a map from a shard of rows to a shard of rows, declared well enough to be resumed.

A stage says which columns it reads and which it adds, and opens its model only when there is work. The runner
(`run.py`) owns files, resume and counting; a stage owns none of that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Literal, Protocol

import pyarrow as pa

Row = dict[str, Any]


@dataclass(frozen=True)
class Reject:
    """A row that could not go on: a short reason to count by, and a sentence for a person.

    Models and stages make it without ``id`` and ``stage``; the runner knows both.
    """

    reason: str
    message: str
    id: str = ""
    stage: str = ""

    def at(self, stage: str, row_id: str) -> Reject:
        """The same reject, told where it happened."""
        return Reject(self.reason, self.message, row_id, stage)

    def as_row(self) -> dict[str, str]:
        return asdict(self)


Result = Row | Reject | list[Row | Reject]
"""What a stage answers for one input row: the columns it adds, a reject, or (fan-out) several new rows, each made or
rejected on its own."""

Lane = Literal["cpu", "gpu", "api"]
"""Where a stage runs: ``cpu`` in as many processes as there are cores, ``gpu`` in one process for each GPU (a single
one without any: the libraries then use all cores themselves), ``api`` in one process that waits for a server."""

Run = Callable[[Iterable[Row]], Iterator[Result]]


class Stage(Protocol):
    """One step of the build.

    ``reads`` and ``adds`` name columns; ``id`` is always there. ``run`` answers the rows it is given one for one
    and in order. Its answer for a row depends on nothing but that row and the settings: whatever a row needs to
    know of other rows is put in it by ``plan``, which sees the (light) columns ``plan_reads`` of all rows at once.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int:
        """Bumped by hand when the code would give other results: code changes do not show otherwise."""
        ...

    @property
    def reads(self) -> tuple[str, ...]: ...

    @property
    def adds(self) -> pa.Schema: ...

    @property
    def plan_reads(self) -> tuple[str, ...]: ...

    @property
    def lane(self) -> Lane: ...

    def settings(self) -> Mapping[str, Any]:
        """Everything that changes the output: options, model ids and revisions."""
        ...

    def plan(self, rows: pa.Table) -> pa.Table | None:
        """Columns that a row gets from looking at all rows, keyed by ``id``. Not called without ``plan_reads``."""
        ...

    def open(self) -> AbstractContextManager[Run]:
        """Loads the model, gives the function that maps rows, frees the model."""
        ...


def fingerprint(stage: Stage, upstream: str) -> str:
    """Names what a stage would compute: its version and settings, and all that came before.

    12 hexadecimal digits. A changed prompt template changes the prompt stage and what follows it, never captions.
    """
    facts = {"stage": stage.name, "version": stage.version, "settings": stage.settings(), "upstream": upstream}
    text = json.dumps(facts, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=6).hexdigest()
