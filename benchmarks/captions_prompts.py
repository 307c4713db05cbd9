"""Prompts from a server that takes 0.2 s for each: how near the stage comes to what its concurrency allows.

    python -m benchmarks.captions_prompts --count 640

A server in another process answers every request after 0.2 s, however many there are. The real prompt stage writes
prompts with it through the official client. The limit is concurrency / 0.2 s; at least 0.90 of it is the goal at
concurrency 16. Client and server share the machine's cores, which is what limits higher concurrencies.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from time import process_time

import pyarrow as pa

from benchmarks.measure import header, interleave, spread
from builder.model_config import LlmPrompt
from builder.models.api_prompt import open_server
from builder.stage import Row, Run
from builder.stages.prompt import PromptStage
from tests.builder.models.api_server import ApiServer

SECONDS = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=640, help="paintings")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[16, 32])
    options = parser.parse_args()
    os.environ.setdefault("OPENAI_API_KEY", "none")
    print(f"{header()}; {options.count} prompts, {SECONDS} s each, {options.repeats} repeats; min / median / max")
    with _server() as url:
        for concurrency in options.concurrency:
            _measure(url, concurrency, options.count, options.repeats)


def _measure(url: str, concurrency: int, count: int, repeats: int) -> None:
    stage = _stage(LlmPrompt(base_url=url, model="bench", concurrency=concurrency))
    rows = _rows(stage, count)
    busy: list[float] = []
    with stage.open() as run:
        _write(run, rows[:concurrency], [])  # opens the connections
        times = interleave({"prompts": partial(_write, run, rows, busy)}, repeats)["prompts"]
    limit = concurrency / SECONDS
    rates = [count / seconds for seconds in times]
    print(
        f"concurrency {concurrency}: {spread(rates, 1)} prompts/s, limit {limit:.0f}, "
        f"ratio {spread([rate / limit for rate in rates])}, "
        f"client {spread([1000 * seconds / count for seconds in busy])} ms of CPU a prompt"
    )


def _write(run: Run, rows: list[Row], busy: list[float]) -> None:
    began = process_time()
    for made in run(rows):
        if not isinstance(made, list) or not isinstance(made[0], dict):
            raise SystemExit(f"not a prompt: {made}")
    busy.append(process_time() - began)


def _stage(config: LlmPrompt) -> PromptStage:
    return PromptStage(
        partial(open_server, config), {"model": config.model}, variants=1, moderate_share=0.2, seed=0, lane="api"
    )


def _rows(stage: PromptStage, count: int) -> list[Row]:
    """Rows as the runner gives them: what the stage reads, and what it planned."""
    table = [
        {"id": f"Realism/{n}", "genre": "Realism", "artist": "A. Painter", "title": f"Work {n}", "caption": "a path"}
        for n in range(count)
    ]
    plan = stage.plan(pa.table({"id": [row["id"] for row in table], "genre": [row["genre"] for row in table]}))
    assert plan is not None
    return [{**row, **planned} for row, planned in zip(table, plan.to_pylist(), strict=True)]


@contextmanager
def _server() -> Iterator[str]:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=[theirs], daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join(5)


def _serve(pipe: Connection) -> None:
    with ApiServer(delay=SECONDS) as server:
        pipe.send(server.url)
        pipe.recv()


if __name__ == "__main__":
    main()
