"""Prompts from a server that takes 0.2 s for each: how near the stage comes to what its concurrency allows.

    python -m benchmarks.captions_prompts --count 640

A server in another process answers every request after 0.2 s, however many there are. The real prompt stage writes
prompts with it through the official client. The limit is concurrency / 0.2 s; at least 0.90 of it is the goal at
concurrency 16. Client and server share the machine's cores, so a bare loop runs beside it: the same requests written
to open sockets, the answers read and thrown away. It shows what the server and the machine leave of the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from time import process_time
from urllib.parse import urlsplit

import pyarrow as pa

from benchmarks.measure import header, interleave, record, spread
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
    config = LlmPrompt(base_url=url, model="bench", concurrency=concurrency)
    stage = _stage(config)
    rows = _rows(stage, count)
    busy: list[float] = []
    with stage.open() as run:
        _write(run, rows[:concurrency], [])  # opens the connections
        work: dict[str, Callable[[], object]] = {
            "bare": partial(_bare, url, concurrency, count),
            "stage": partial(_write, run, rows, busy),
        }
        times = interleave(work, repeats)
    limit = concurrency / SECONDS
    print(f"concurrency {concurrency}, limit {limit:.0f} prompts/s")
    for name, took in times.items():
        rates = [count / seconds for seconds in took]
        print(f"  {name}: {spread(rates, 1)} prompts/s, of the limit {spread([rate / limit for rate in rates])}")
    ratios = [bare / ours for bare, ours in zip(times["bare"], times["stage"], strict=True)]
    reached = [count / seconds / limit for seconds in times["stage"]]
    record(f"prompts of {concurrency} at once : limit of the server", reached, ">= 0.90" if concurrency == 16 else "")
    print(f"  stage / bare: {spread(ratios)}; {spread([1000 * b / count for b in busy])} ms of CPU a prompt")


def _bare(url: str, concurrency: int, count: int) -> None:
    """The same number of requests of the same size, each lane on one connection."""
    address = urlsplit(url)
    body = json.dumps({"model": "bench", "messages": [{"role": "user", "content": "x" * 2000}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"

    async def lane() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for _ in range(count // concurrency):
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length:")[2].split()[0])
            await reader.readexactly(length)
        writer.close()

    async def lanes() -> None:
        await asyncio.gather(*(lane() for _ in range(concurrency)))

    asyncio.run(lanes())


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
