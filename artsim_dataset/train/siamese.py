"""Siamese training: original and variant of a painting through one frozen encoder and one trained head.

Embeddings of all views are cached first; a training step then only gathers rows. The loss of an anchor is S2's triplet
term against an original of another genre, plus InfoNCE over the batch, where images of the same painting, group or
artist never count as negatives. Three departures from S2: validation is artist- and
group-disjoint instead of the tail of a CSV; training views are cropped, mirrored and recoloured (see `views`); the
linear head starts from a closed form (`train.whiten`), and epoch 0 competes with all later ones. The recipe ``s2``
(`train.config.RECIPES`) takes them back, all but the tail of the CSV: its split never cuts a group of near-duplicates.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Progress
from artsim_dataset.model import save_model
from artsim_dataset.schema import seed_from
from artsim_dataset.train.checkpoint import Checkpoint
from artsim_dataset.train.config import TrainConfig, TrainResult
from artsim_dataset.train.fit import fit
from artsim_dataset.train.heads import Head, new_head, saved_layers
from artsim_dataset.train.holdout import TRAIN, VALIDATION
from artsim_dataset.train.known import known_pairs
from artsim_dataset.train.log import tracked
from artsim_dataset.train.network import Fusion, Network
from artsim_dataset.train.paintings import facts_of, result_of
from artsim_dataset.train.samples import Samples, embed_samples
from artsim_dataset.train.transformer_head import TransformerHead
from artsim_dataset.train.whiten import started

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
    tracker: str | None = None,
) -> TrainResult:
    """Trains a head on `pairs` and writes a SentenceTransformer folder to ``out``.

    Args:
        dataset: rows of `pairs`: the train split for the split ``published``, all rows for the others.
        encoder: gives the embeddings; with ``config.captions`` one that takes texts too.
        config: see :class:`TrainConfig`.
        out: the model's folder. A run that was killed goes on from ``out/checkpoint``.
        progress: told of images encoded and of epochs.
        cache: where embeddings are kept; the encoder's own store when None.
        dataset_name: for the model card.
        tracker: tensorboard, trackio or wandb, see :func:`~artsim_dataset.train.log.tracked`.

    Raises:
        ConfigError: fewer than four paintings, a caption missing, an encoder that cannot do what is asked, a
            checkpoint of another run.
    """
    started = time.perf_counter()
    out = Path(out)
    with tracked(tracker, out, asdict(config)) as log:
        cache = EmbeddingCache(encoder) if cache is None else cache
        samples = embed_samples(dataset, encoder, config, cache, progress)
        network = Network(_initial_head(samples, encoder.dim, config), config.tau)
        if config.captions:
            network.fusion = Fusion(network.head.dim, config.dropout, seed_from("fusion", config.seed))
        checkpoint = Checkpoint(out, _identity(samples, encoder, config))
        best_epoch, history = fit(network, samples, config, checkpoint, log, progress)
    result = result_of(samples, out, best_epoch, history, time.perf_counter() - started)
    facts = facts_of(samples, config, result, dataset_name, sum(p.numel() for p in network.parameters()))
    held_out = samples.of(VALIDATION)
    if known := known_pairs(network, samples, held_out, config.seed, "the pairs it was validated on"):
        facts["known_pairs"] = known.to_json()
    fusion = network.fusion.dense_layers() if network.fusion is not None else ()
    save_model(out, encoder, saved_layers(network.head), network.tau.item(), facts, samples.parts, fusion)
    checkpoint.clear()
    return result


def _identity(samples: Samples, encoder: Encoder, config: TrainConfig) -> Mapping[str, Any]:
    """All that the weights depend on: a checkpoint with another identity is another run's."""
    return {**asdict(config), "encoder": encoder.name, "revision": encoder.revision, "data": samples.digest()}


def _initial_head(samples: Samples, inputs: int, config: TrainConfig) -> Head | TransformerHead:
    """A dense head is standardised, the linear one also whitened, on (at most 1024 of) the paintings trained on."""
    head = new_head(config.head, inputs, config.dim, config.dropout, seed_from("head", config.seed))
    if isinstance(head, TransformerHead):
        return head
    draw = np.random.default_rng(seed_from("whitening", config.seed))
    chosen = samples.of(TRAIN)
    if len(chosen) > WHITENING_PAINTINGS:
        chosen = np.sort(draw.choice(chosen, WHITENING_PAINTINGS, replace=False))
    blocks = [np.concatenate([samples.original[p], samples.variant[samples.rows_of(p)].ravel()]) for p in chosen]
    painting = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    return started(head, samples.load(np.concatenate(blocks)), painting, config.dropout, config.seed)
