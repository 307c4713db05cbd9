"""What one epoch of siamese training costs on cached embeddings, beside a bare PyTorch loop.

    python -m benchmarks.siamese

65,155 triplets of 512 dimensions (the train split of WikiArt-81K), batches of 512, the `mlp` head. The bare loop has
the same network, optimiser and loss, its data in memory as two float32 tensors, the labels of its masks as integers; it
draws a random order and takes steps, nothing else. Ours draws variants, views and negatives too, gathers rows from the
memory-mapped half-precision cache, and keeps the losses and the accuracies of S2. Both in turn, repeated.
Goals: at most 20 s an epoch, at most 1.15 times the bare loop.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.losses import shared
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.fit import train_epoch
from artsim_dataset.train.heads import new_head
from artsim_dataset.train.holdout import TRAIN
from artsim_dataset.train.network import Network
from artsim_dataset.train.objective import Relations, objective, terms
from artsim_dataset.train.paintings import Labels
from artsim_dataset.train.samples import Samples
from benchmarks.measure import header, interleave, record, spread

DIM, ARTISTS, GENRES, GROUPS_OF = 512, 1119, 27, 50
CONFIG = TrainConfig(head="mlp", dim=DIM, batch_size=512, views=0)


class Encoder:
    """Names a store of its own; nothing is encoded here."""

    name, revision, dim = "benchmark", "1", DIM


def samples(count: int, folder: Path) -> Samples:
    """So many paintings with a variant each, their embeddings in a cache on disk, in shuffled places."""
    draw = np.random.default_rng(0)
    cache = EmbeddingCache(Encoder(), folder)
    for at in range(0, 2 * count, 8192):
        size = min(8192, 2 * count - at)
        vectors = draw.normal(size=(size, DIM)).astype(np.float32)
        cache.add({b"%032d" % (at + i): vector for i, vector in enumerate(vectors)})
    places = draw.permutation(2 * count)
    labels = [draw.integers(n, size=count) for n in (ARTISTS, count // GROUPS_OF, GENRES)]
    artist, group, genre = (torch.from_numpy(column) for column in labels)
    return Samples(
        ids=np.array([str(i) for i in range(count)], object), part=np.full(count, TRAIN, object),
        labels=Labels((torch.arange(count), artist, group), genre), rows=np.arange(count), first=np.arange(count + 1),
        original=places[:count, None], variant=places[count:, None], caption=None, generated_caption=None, cache=cache,
    )  # fmt: skip


def fresh() -> tuple[Network, torch.optim.Optimizer]:
    network = Network(new_head("mlp", DIM, DIM, CONFIG.dropout, seed=0), CONFIG.tau)
    return network, torch.optim.AdamW(network.parameters(), lr=CONFIG.learning_rate, weight_decay=CONFIG.weight_decay)


def bare_epoch(
    network: Network, optimiser: Any, original: torch.Tensor, variant: torch.Tensor, labels: Labels, size: int
) -> float:
    """What a careful person writes who has all data in memory and needs the loss only."""
    network.train()
    total = 0.0
    for batch in torch.randperm(len(original)).split(size):
        same = shared(*((column[batch], column[batch]) for column in labels.barred))
        vectors = network.head(torch.cat([original[batch], variant[batch]])).unflatten(0, (2, len(batch)))
        loss = objective(terms(vectors), Relations.of(same, labels.genre[batch]), network.tau, CONFIG.loss)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item()
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--triplets", type=int, default=65_155)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(
        f"{options.triplets:,} triplets; "
        + header()
        + f", torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    with tempfile.TemporaryDirectory() as folder:
        ours = samples(options.triplets, Path(folder))
        original, variant = (ours.load(positions[:, 0]) for positions in (ours.original, ours.variant))
        network, optimiser = fresh()
        bare, bare_optimiser = fresh()
        work: dict[str, Callable[[], object]] = {
            "artsim": lambda: train_epoch(network, ours, optimiser, 1, CONFIG),
            "bare": lambda: bare_epoch(bare, bare_optimiser, original, variant, ours.labels, CONFIG.batch_size),
        }
        cpu: dict[str, list[float]] = {name: [] for name in work}
        times = interleave({name: partial(_counted, one, cpu[name]) for name, one in work.items()}, options.repeats)
    for name in work:
        print(f"{name:<7} wall {spread(times[name])} s, CPU {spread(cpu[name])} s an epoch (min / median / max)")
    for kind, seconds in (("wall", times), ("CPU", cpu)):
        ratios = [a / b for a, b in zip(seconds["artsim"], seconds["bare"], strict=True)]
        print(f"ratio   {kind} {spread(ratios, 3)} of pairs side by side; goal: 1.15")
        record(f"siamese epoch : bare PyTorch loop, {kind} time", ratios, "<= 1.15")


def _counted(work: Callable[[], object], cpu: list[float]) -> None:
    """CPU seconds of all threads tell what wall time hides on a machine that others use too."""
    started = time.process_time()
    work()
    cpu.append(time.process_time() - started)


if __name__ == "__main__":
    main()
