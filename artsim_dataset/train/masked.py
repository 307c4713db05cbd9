"""What the trainer of sentence-transformers needs to train as the cached path does: rows with views drawn for each
epoch, the masked loss, and the validation that chooses the best epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from sentence_transformers.base.evaluation import BaseEvaluator
from torch import Tensor, nn

from artsim_dataset.encoders.embed import PairRows
from artsim_dataset.losses import TAU_FLOOR, shared
from artsim_dataset.schema import seed_from
from artsim_dataset.train.batches import VALIDATION_BLOCK
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.fit import Mean
from artsim_dataset.train.holdout import TRAIN, VALIDATION
from artsim_dataset.train.objective import Relations, measures, objective, terms
from artsim_dataset.train.paintings import Paintings, read_captions, read_paintings
from artsim_dataset.views import FULL, View, augmentation

CAPTIONS = ("caption", "generated_caption")


class PairImages:
    """The paintings of `pairs` as images, cropped to their content, opened when they are wanted."""

    def __init__(self, dataset: Dataset, config: TrainConfig) -> None:
        self.config = config
        self._rows = PairRows(dataset)
        self.paintings: Paintings = read_paintings(self._rows, config)
        self._texts = read_captions(dataset, self._rows, self.paintings.part) if config.captions else None
        self._phashes = list(dataset["phash"])
        self.epoch = 1
        """Whose views :meth:`training_rows` draws; the trainer's callback moves it on."""

    def digest(self) -> str:
        """Names what is trained on: the paintings, and the perceptual hash and the captions of each."""
        hashed = self.paintings.hashed()
        hashed.update(repr((self._phashes, self._texts)).encode())
        return hashed.hexdigest()

    def training_rows(self) -> Dataset:
        """A row a painting trained on, made when it is asked for: the original and one of its variants, drawn for the
        epoch, in views drawn for the epoch; their captions; and what they must not share with a negative."""
        ids = self.paintings.of(TRAIN).tolist()
        return Dataset.from_dict({"painting": ids}).with_transform(self._training)

    def _training(self, batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        paintings = np.array(batch["painting"])
        draws = [seed_from("variant", self.paintings.ids[p], self.epoch, self.config.seed, bits=31) for p in paintings]
        return self._columns(paintings, self.paintings.row(paintings, np.array(draws)), augmented=True)

    def validation_rows(self) -> Iterator[dict[str, list[Any]]]:
        """The paintings that choose the best epoch (at most 2048, in drawn order), each with its first variant, a batch
        at a time: decoded images are large."""
        draw = np.random.default_rng(seed_from("validation", self.config.seed))
        order = draw.permutation(self.paintings.of(VALIDATION))[:VALIDATION_BLOCK]
        for at in range(0, len(order), self.config.batch_size):
            block = order[at : at + self.config.batch_size]
            yield self._columns(block, self.paintings.row(block, np.zeros_like(block)), augmented=False)

    def _columns(self, paintings: np.ndarray, rows: np.ndarray, augmented: bool) -> dict[str, list[Any]]:
        first = self._rows.first_row[paintings]
        columns: dict[str, list[Any]] = {
            "original": [self._image(row, "original", self.paintings.ids[p], augmented)
                         for p, row in zip(paintings, first, strict=True)],
            "generated": [self._image(row, "generated", self._rows.ids[row], augmented) for row in rows],
        }  # fmt: skip
        if self._texts:
            columns["caption"] = [self._texts[0][int(p)] for p in paintings]
            columns["generated_caption"] = [self._texts[1][int(row)] for row in rows]
        labels = self.paintings.labels
        columns["label"] = torch.stack([*labels.barred, labels.genre], 1)[paintings].tolist()
        return columns

    def _image(self, row: int, column: str, image_id: str, augmented: bool) -> Image.Image:
        view: View = augmentation(image_id, self.epoch, self.config.seed) if augmented and self.config.views else FULL
        return view.apply(self._rows.content(int(row), column, self._rows.image_bytes(int(row), column)))


class MaskedLoss(nn.Module):
    """The objective of siamese training on what the model makes of a batch; tau is learned with the model."""

    def __init__(self, model: nn.Module, config: TrainConfig) -> None:
        super().__init__()
        self.model = model
        self.log_tau = nn.Parameter(torch.tensor(float(np.log(config.tau))))
        self._loss = config.loss
        self._mean = Mean()

    @property
    def tau(self) -> Tensor:
        return self.log_tau.exp().clamp(min=TAU_FLOOR)

    def forward(self, features: Sequence[dict[str, Any]], labels: Tensor) -> Tensor:
        """``features``: of originals, variants and, with captions, theirs. ``labels`` (n, k + 1): k columns that
        negatives must not share, and the genre."""
        vectors = torch.stack([self.model(feature)["sentence_embedding"] for feature in features])
        found, relations = terms(vectors), relations_of(labels)
        loss = objective(found, relations, self.tau, self._loss)
        self._mean.add({"loss": loss.item(), **measures(found, relations, self.tau)}, len(labels))
        return loss

    def take_means(self) -> dict[str, float]:
        """The loss and S2's metrics of the batches since the last time."""
        means, self._mean = self._mean.value(), Mean()
        return means


def relations_of(labels: Tensor) -> Relations:
    """Who may be whose negative, from the label column, (n, k + 1)."""
    *barred, genre = labels.T
    return Relations.of(shared(*((column, column) for column in barred)), genre)


class Validation(BaseEvaluator):
    """Loss at the first tau, recall@1 and S2's metrics on the paintings held out, as `fit.validate` has them."""

    def __init__(self, images: PairImages, loss: MaskedLoss) -> None:
        super().__init__()
        self.primary_metric, self.greater_is_better = "validation_loss", False
        self._images, self._loss = images, loss

    @torch.no_grad()
    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        config = self._images.config
        labels, blocks = list[list[int]](), list[Tensor]()
        for columns in self._images.validation_rows():
            labels += columns.pop("label")
            encoded = [
                model.encode(column, show_progress_bar=False, convert_to_tensor=True) for column in columns.values()
            ]
            blocks.append(torch.stack(encoded).float().cpu())
        vectors, relations = torch.cat(blocks, 1), relations_of(torch.tensor(labels))
        found = terms(vectors)
        numbers = {"loss": objective(found, relations, config.tau, config.loss).item()}
        ranked = (vectors[1] @ vectors[0].T).argmax(1)
        numbers["recall@1"] = (ranked == torch.arange(len(ranked))).float().mean().item()
        numbers |= measures(found, relations, self._loss.tau.item())
        return {f"validation_{name}": value for name, value in numbers.items()}
