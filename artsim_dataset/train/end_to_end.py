"""Siamese training with the encoder itself: unfrozen or through LoRA, by the trainer of sentence-transformers.

The encoder's last projection is the head; nothing is put on top but the normalisation. Views are drawn anew in every
epoch, since images are decoded anyway. The loss is the one of the cached path (`objective`), with the mask of the same
painting, artist and group that sentence-transformers has no place for: labels of each row travel in its label column.

The result is a folder of sentence-transformers' own modules, which needs nobody's consent to load; :func:`load_model`
and `artsim evaluate` read it as an encoder whose weights lie in the folder.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.modules import Normalize
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback, TrainerControl, TrainerState

from artsim_dataset.devices import quiet_libraries
from artsim_dataset.encoders.embed import Progress
from artsim_dataset.errors import ConfigError
from artsim_dataset.layers import write_json
from artsim_dataset.model import ENCODER_FILE, Parts, write_facts
from artsim_dataset.schema import seed_from
from artsim_dataset.train.checkpoint import FOLDER, check_identity
from artsim_dataset.train.config import TrainConfig, TrainResult
from artsim_dataset.train.log import Log, tracked
from artsim_dataset.train.lora import add_lora, merge_lora
from artsim_dataset.train.masked import MaskedLoss, PairImages, Validation
from artsim_dataset.train.paintings import facts_of, result_of
from artsim_dataset.weights import Weights, loading, locate

IDENTITY, LOSS, HISTORY = "identity.json", "loss.pt", "history.json"


def train_end_to_end(
    dataset: Dataset,
    encoder: str,
    config: TrainConfig,
    out: Path,
    lora: int = 0,
    progress: Progress | None = None,
    dataset_name: str = "",
    tracker: str | None = None,
) -> TrainResult:
    """Trains the encoder on `pairs` and writes a SentenceTransformer folder to ``out``.

    Args:
        dataset: as for :func:`~artsim_dataset.train.siamese.train_siamese`.
        encoder: a Hub id with or without ``@REVISION``, or a folder: CLIP, SigLIP, or a SentenceTransformer.
        config: ``head``, ``dim`` and ``dropout`` say nothing here; the other settings mean what they always do.
        out: the model's folder. A run that was killed goes on from the last whole epoch in ``out/checkpoint``.
        lora: the rank of the adapters on the attention; 0 trains all weights.
        progress, dataset_name, tracker: as for the cached path.

    Raises:
        ConfigError: an encoder that cannot be trained, a checkpoint of another run, and as the cached path.
    """
    started = time.perf_counter()
    out = Path(out)
    quiet_libraries()
    images = PairImages(dataset, config)
    weights, model = _opened(encoder, config)
    if lora:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_from("lora", config.seed))
            add_lora(model, lora)
    loss = MaskedLoss(model, config)
    validation = Validation(images, loss)
    identity = {**asdict(config), **weights.identity(), "lora": lora, "data": images.digest()}
    with tracked(tracker, out, asdict(config)) as log, torch.random.fork_rng(devices=[]):
        watch = _Watch(images, loss, log, progress)
        _run(model, loss, validation, watch, identity, out / FOLDER)
    best_epoch = min(range(len(watch.history)), key=lambda epoch: watch.history[epoch]["validation_loss"])
    if best_epoch == 0:  # no training was the best training
        model, tau = _opened(encoder, config)[1], config.tau
    else:
        tau = loss.tau.item()
        if lora:
            merge_lora(model)
    seconds = time.perf_counter() - started
    result = result_of(images.paintings, out, best_epoch, watch.history, seconds)
    facts = facts_of(images.paintings, config, result, dataset_name, sum(p.numel() for p in model.parameters()))
    facts["encoder_weights"] = f"LoRA of rank {lora}" if lora else "unfrozen"
    _save(model, weights, tau, facts, images.paintings.parts, out)
    return result


def _opened(encoder: str, config: TrainConfig) -> tuple[Weights, SentenceTransformer]:
    """The encoder as sentence-transformers has it, ending in a normalisation. ConfigError when it cannot be trained."""
    name, at, revision = encoder.rpartition("@")
    if not at or Path(encoder).expanduser().exists():
        name, revision = encoder, "main"
    if name == "lite" or name.partition(":")[0] in ("csd", "clip-cls"):
        raise ConfigError(
            f"the encoder '{encoder}' cannot be trained end to end; take a CLIP, a SigLIP or a SentenceTransformer, "
            "such as openai/clip-vit-base-patch32"
        )
    weights = locate(name, revision)
    with loading(weights.name):
        model = SentenceTransformer(weights.place, revision=weights.commit)
    for modality in ("image", "text") if config.captions else ("image",):
        if modality not in model.modalities:
            raise ConfigError(f"{weights.name} takes no {modality}s: train with an encoder that does")
    if not isinstance(model[-1], Normalize):
        model.append(Normalize())
    return weights, model


def _run(
    model: SentenceTransformer,
    loss: MaskedLoss,
    validation: Validation,
    watch: _Watch,
    identity: Mapping[str, Any],
    folder: Path,
) -> None:
    """Trains, and leaves the best weights and the best tau in model and loss."""
    config = watch.images.config
    last = _checkpoint(folder, identity)
    if last is None:
        watch.judged(0, validation(model), config.learning_rate)
    else:
        watch.history += json.loads((last / HISTORY).read_text("utf-8"))
        _restore(loss, last)
    if not config.epochs:
        return
    trainer = _Trainer(
        model=model,
        args=_arguments(config, folder),
        train_dataset=watch.images.training_rows(),
        loss=loss,
        evaluator=validation,
        callbacks=[EarlyStoppingCallback(config.patience), watch],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    assert trainer.state.best_model_checkpoint is not None, "every epoch is judged, so one is the best"
    _restore(loss, Path(trainer.state.best_model_checkpoint))


class _Trainer(SentenceTransformerTrainer):
    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """The card is ours, and theirs would open a thousand images for its examples."""


def _arguments(config: TrainConfig, folder: Path) -> SentenceTransformerTrainingArguments:
    """The settings of the cached path as the trainer names them."""
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        lr_scheduler_type="reduce_lr_on_plateau",
        lr_scheduler_kwargs={"factor": 0.5, "patience": max(1, config.patience // 2 - 1)},
        max_grad_norm=0.0,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=3,
        load_best_model_at_end=True,
        restore_callback_states_from_checkpoint=True,
        metric_for_best_model="eval_validation_loss",
        greater_is_better=False,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        seed=config.seed,
    )


def _checkpoint(folder: Path, identity: Mapping[str, Any]) -> Path | None:
    """The last whole epoch of this run, None when there is none. ConfigError when the folder is another run's."""
    written = folder / IDENTITY
    if not written.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_json(written, identity)
        return None
    check_identity(json.loads(written.read_text("utf-8")), identity, folder)
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{HISTORY}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _restore(loss: MaskedLoss, checkpoint: Path) -> None:
    state = torch.load(checkpoint / LOSS, weights_only=True)
    with torch.no_grad():
        loss.log_tau.copy_(state["log_tau"])


class _Watch(TrainerCallback):
    """Keeps the history, moves the views on to the next epoch, and completes the trainer's checkpoints."""

    def __init__(self, images: PairImages, loss: MaskedLoss, log: Log, progress: Progress | None) -> None:
        self.images, self.history = images, list[dict[str, float]]()
        self._loss, self._log, self._progress = loss, log, progress

    def judged(self, epoch: int, metrics: Mapping[str, float], rate: float) -> None:
        """Takes the validation of an epoch."""
        validated = {name: value for name, value in metrics.items() if name.startswith("validation_")}
        trained = {f"train_{name}": value for name, value in self._loss.take_means().items()}
        numbers = {"epoch": epoch, **trained, **validated, "tau": self._loss.tau.item(), "learning_rate": rate}
        if not math.isfinite(numbers["validation_loss"]):
            rate = self.images.config.learning_rate
            raise ConfigError(f"the validation loss is not a number at epoch {epoch}: lower learning_rate {rate}")
        self.history.append(numbers)
        self._log(numbers, epoch)
        if self._progress:
            self._progress("train", epoch, self.images.config.epochs)

    def on_epoch_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl | None:
        self.images.epoch = round(state.epoch or 0) + 1
        return None

    def on_evaluate(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl | None:
        metrics = {name.removeprefix("eval_"): value for name, value in kwargs["metrics"].items()}
        self.judged(round(state.epoch or 0), metrics, kwargs["optimizer"].param_groups[0]["lr"])
        return None

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> TrainerControl | None:
        """Written last: a checkpoint that has a history is whole."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        torch.save({"log_tau": self._loss.log_tau.detach().cpu()}, folder / LOSS)
        unfinished = folder / f"{HISTORY}.tmp"
        write_json(unfinished, self.history)
        unfinished.replace(folder / HISTORY)
        return None


def _save(
    model: SentenceTransformer, weights: Weights, tau: float, facts: Mapping[str, Any], parts: Parts, out: Path
) -> None:
    """Writes all beside and moves it in, ``modules.json`` last: a folder having it is complete."""
    ready = out / FOLDER / "model"
    shutil.rmtree(ready, ignore_errors=True)
    model.eval().save(str(ready), create_model_card=False)
    dim = model.get_embedding_dimension() or 0
    write_facts(ready, weights.name, weights.revision, tau, facts, parts, dim)
    names = sorted((path.name for path in ready.iterdir()), key=lambda name: name == "modules.json")
    (out / "modules.json").unlink(missing_ok=True)
    (out / ENCODER_FILE).unlink(missing_ok=True)
    for name in names:
        shutil.rmtree(out / name) if (out / name).is_dir() else (out / name).unlink(missing_ok=True)
        (ready / name).replace(out / name)
    shutil.rmtree(out / FOLDER)
