"""Exact retrieval metrics beside the searches they replace: time, processor time and peak memory, in turn.

    python -m benchmarks.retrieval                 the size of WikiArt: 16,289 queries, 81,444 pictures, k = 1,000
    python -m benchmarks.retrieval --peer          and pytorch-metric-learning, at a size that it can do

    python -m benchmarks.retrieval --search               and sentence-transformers' semantic_search, hits alone

`artsim` computes the hits and csd_map, map, recall, mrr at 1, 10, 100 and k. `faiss` is a bare IndexFlatIP search with
the same k: neighbours, no metric. `peer` is AccuracyCalculator with its defaults but for clustering: it ranks the
whole database, and so does `artsim` beside it, for the same numbers, which must agree. Each is a process of its own;
seconds exclude imports and making the vectors. Goals: artsim <= 1.3 x faiss, <= 1,500 MB; >= 5 x faster than the peer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks.measure import header, record, spread

ARTISTS = 1119
PEER_SIZE = ("--queries", "2000", "--database", "10000", "--k", "10000")
SEARCH_SIZE = ("--queries", "4000", "--database", "20000", "--k", "100")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=16289)
    parser.add_argument("--database", type=int, default=81444)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--k", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--peer", action="store_true", help="pytorch-metric-learning instead, at a smaller size")
    parser.add_argument("--search", action="store_true", help="sentence-transformers instead, at a smaller size")
    parser.add_argument("--one", choices=WORK, help=argparse.SUPPRESS)
    arguments = sys.argv[1:]
    smaller = PEER_SIZE if "--peer" in arguments else SEARCH_SIZE if "--search" in arguments else ()
    options = parser.parse_args([*arguments, *smaller])
    if options.one:
        print(json.dumps(WORK[options.one](options)))
        return
    print(header(), f"load {os.getloadavg()[0]:.1f}")
    print(f"{options.queries:,} queries, {options.database:,} pictures, {options.dim} dimensions, k = {options.k:,}")
    other = "peer" if options.peer else "search" if options.search else "faiss"
    runs: dict[str, list[dict[str, float]]] = {"artsim": [], other: []}
    for _ in range(options.repeats):
        for name, results in runs.items():
            results.append(_process(name, arguments))
    for name, results in runs.items():
        columns = {key: spread([run[key] for run in results], 1) for key in ("seconds", "cpu", "mb")}
        print(f"{name:<8} seconds {columns['seconds']}   processor seconds {columns['cpu']}   peak MB {columns['mb']}")
    for key, what in (("seconds", "time"), ("cpu", "processor time")):
        ratios = [ours[key] / theirs[key] for ours, theirs in zip(*runs.values(), strict=True)]
        if key == "seconds":
            goal, named = GOALS[other]
            wanted = ratios if other == "faiss" else [1 / ratio for ratio in ratios]
            record(f"retrieval metrics, {named}, {options.queries:,} x {options.database:,}", wanted, goal)
        print(f"{what}, artsim / {other}: {spread(ratios)}   {other} / artsim: {spread([1 / r for r in ratios])}")
    if options.peer:
        _check_same(runs["artsim"][0], runs["peer"][0])


def _process(name: str, arguments: list[str]) -> dict[str, float]:
    """One measurement in a process of its own; ``mb`` is the peak of its resident memory."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.retrieval", *arguments, "--one", name], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{name} failed")
    return {**json.loads(text.splitlines()[-1]), "mb": usage.ru_maxrss / 1024}


def _check_same(ours: dict[str, float], theirs: dict[str, float]) -> None:
    for name in ("precision_at_1", "mean_average_precision", "mean_average_precision_at_r", "r_precision"):
        if abs(ours[name] - theirs[name]) > 1e-6:
            sys.exit(f"{name}: {ours[name]} and {theirs[name]} differ")
    print("the numbers of both agree")


def _data(options: argparse.Namespace) -> tuple[np.ndarray, ...]:
    """Unit vectors around artists' centres, few artists with many pictures and many with few: queries, database and the
    artist of each."""
    draw = np.random.default_rng(0)
    share = 1 / np.arange(1, ARTISTS + 1) ** 0.8
    sides = []
    centres = draw.standard_normal((ARTISTS, options.dim), np.float32)
    for count in (options.queries, options.database):
        artist = draw.choice(ARTISTS, count, p=share / share.sum())
        vectors = draw.standard_normal((count, options.dim), np.float32)
        vectors *= 3
        vectors += centres[artist]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        sides.append((vectors, artist))
    (queries, asked), (database, known) = sides
    answered = np.isin(asked, known)
    return queries[answered], database, asked[answered], known


def _timed(work: Callable[[], dict[str, float]]) -> dict[str, float]:
    started, cpu = time.perf_counter(), time.process_time()
    numbers = work()
    return {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu, **numbers}


def _artsim(options: argparse.Namespace) -> dict[str, float]:
    from artsim_dataset import metrics
    from artsim_dataset.retrieval import ranked_hits

    queries, database, asked, known = _data(options)

    def work() -> dict[str, float]:
        hits, relevant = ranked_hits(queries, database, asked, known, options.k)
        if options.peer:
            return {
                "precision_at_1": metrics.precision_at_k(hits, 1),
                "mean_average_precision": metrics.map_at_k(hits, options.k, relevant),
                "mean_average_precision_at_r": metrics.map_at_r(hits, relevant),
                "r_precision": metrics.r_precision(hits, relevant),
                "mean_reciprocal_rank": metrics.mrr_at_k(hits, options.k),
            }
        for k in (1, 10, 100, options.k):
            metrics.csd_map_at_k(hits, k)
            metrics.map_at_k(hits, k, relevant)
            metrics.recall_at_k(hits, k)
            metrics.mrr_at_k(hits, k)
        return {}

    return _timed(work)


def _faiss(options: argparse.Namespace) -> dict[str, float]:
    import faiss

    queries, database, _, _ = _data(options)
    index = faiss.IndexFlatIP(options.dim)
    index.add(database)

    def work() -> dict[str, float]:
        index.search(queries, options.k)
        return {}

    return _timed(work)


def _peer(options: argparse.Namespace) -> dict[str, float]:
    import torch
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    queries, database, asked, known = _data(options)
    calculator = AccuracyCalculator(exclude=("AMI", "NMI"), device=torch.device("cpu"))

    def work() -> dict[str, float]:
        found = calculator.get_accuracy(*map(torch.from_numpy, (queries, asked, database, known)))
        return {name: float(value) for name, value in found.items()}

    return _timed(work)


def _search(options: argparse.Namespace) -> dict[str, float]:
    import torch
    from sentence_transformers.util import semantic_search

    queries, database, _, _ = _data(options)
    asked, known = torch.from_numpy(queries), torch.from_numpy(database)

    def work() -> dict[str, float]:
        semantic_search(asked, known, top_k=options.k)
        return {}

    return _timed(work)


WORK: dict[str, Callable[[argparse.Namespace], dict[str, float]]] = {
    "artsim": _artsim,
    "faiss": _faiss,
    "peer": _peer,
    "search": _search,
}
GOALS = {
    "faiss": ("<= 1.3", "time, artsim : bare faiss search"),
    "peer": (">= 5", "time, pytorch-metric-learning : artsim"),
    "search": ("", "time, sentence-transformers' semantic_search (hits alone) : artsim"),
}
"""What is hoped for beside each peer, and what the ratio is of."""

if __name__ == "__main__":
    main()
