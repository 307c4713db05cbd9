"""Siamese training: original and variant of a painting through one frozen encoder and one trained head.

Embeddings of all views are cached first; a training step then only gathers rows. The loss of an anchor is S2's triplet
term against an original of another genre, plus InfoNCE over the batch, where images of the same painting, group or
artist never count as negatives. Three departures from S2: validation is artist- and
group-disjoint instead of the tail of a CSV; training views are cropped, mirrored and recoloured (see `views`); the
linear head starts from a closed form (`train.whiten`), and epoch 0 competes with all later ones.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import PairRows, Progress
from artsim_dataset.model import save_model
from artsim_dataset.schema import seed_from
from artsim_dataset.train.config import TrainConfig, TrainResult
from artsim_dataset.train.fit import fit, tau_of
from artsim_dataset.train.heads import Head, dense_layers
from artsim_dataset.train.samples import Samples, embed_samples
from artsim_dataset.train.whiten import whitening

WHITENING_PAINTINGS = 1024
"""Above this, a seeded choice of paintings is enough, and memory stays flat."""


def train_siamese(
    dataset: Dataset,
    encoder: Encoder,
    config: TrainConfig,
    out: Path,
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
    dataset_name: str = "",
) -> TrainResult:
    """Trains a head on the train split of `pairs` and writes a SentenceTransformer folder to ``out``.

    Raises ConfigError when the split has fewer than four paintings.
    """
    started = time.perf_counter()
    cache = EmbeddingCache(encoder) if cache is None else cache
    samples = embed_samples(PairRows(dataset), encoder, config, cache, progress)
    head, log_tau = _initial_head(samples, encoder.dim, config)
    best_epoch, history = fit(head, log_tau, samples, config, progress)
    held = int(samples.held_out.sum())
    result = TrainResult(
        Path(out),
        best_epoch,
        history,
        len(samples.rows_of) - held,
        len(samples.variant),
        held,
        time.perf_counter() - started,
    )
    facts = {"config": asdict(config), "dataset": dataset_name, **asdict(replace(result, path=Path(Path(out).name)))}
    facts["path"] = str(facts["path"])
    save_model(Path(out), encoder, dense_layers(head), tau=tau_of(log_tau).item(), facts=facts)
    return result


def _initial_head(samples: Samples, inputs: int, config: TrainConfig) -> tuple[Head, torch.nn.Parameter]:
    """Standardised, and for the linear head whitened, on (at most 1024 of) the paintings trained on."""
    draw = np.random.default_rng(seed_from("whitening", config.seed))
    chosen = np.flatnonzero(~samples.held_out)
    if len(chosen) > WHITENING_PAINTINGS:
        chosen = np.sort(draw.choice(chosen, WHITENING_PAINTINGS, replace=False))
    blocks = [np.concatenate([samples.original[p], samples.variant[samples.rows_of[p]].ravel()]) for p in chosen]
    x = samples.load(np.concatenate(blocks))
    head = Head(config.head, inputs, config.dim, config.dropout, seed_from("head", config.seed))
    head.standardise(x)
    if config.head == "linear":
        painting = torch.repeat_interleave(torch.arange(len(blocks)), torch.tensor([len(b) for b in blocks]))
        weights = whitening((x - head.mean) * head.scale, painting, config.dim, seed_from("whiten", config.seed))
        # Few images span few directions; the head is then narrower than asked for.
        head = Head(config.head, inputs, len(weights), config.dropout, seed_from("head", config.seed))
        with torch.no_grad():
            head.first.weight.copy_(weights)
            head.first.bias.zero_()
        head.standardise(x)
    return head, torch.nn.Parameter(torch.tensor(math.log(config.tau)))
