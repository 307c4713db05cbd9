"""How a frozen torch model is run, so that an embedding depends on its image and never on the images beside it.

On a CPU every image is a batch of its own and every core works on one: a matrix product of another shape sums in
another order, so that batches of 3 and of 8 would differ in their last bits, and no core waits for another inside a
layer. On a GPU batches have one shape, the last one filled up, in half precision.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from artsim_dataset.devices import best_device

GPU_BATCH = 64

T = TypeVar("T")
Inputs = Mapping[str, Tensor]


def per_core_pool(name: str) -> ThreadPoolExecutor:
    """A thread a core, each with one torch thread.

    The number of torch threads belongs to the thread that sets it; the caller's stays as it is.
    """
    return ThreadPoolExecutor(os.cpu_count() or 1, name, initializer=torch.set_num_threads, initargs=(1,))


class Runner:
    """Runs a model on items. ``device`` and ``dtype`` say where and how: a GPU in float16, a CPU in float32.

    float16 and not bfloat16: its eleven bits are what the cache keeps, bfloat16 has eight. ``batch`` is how many items
    it likes at once; ``together``, whether they go through the model as one batch.
    """

    def __init__(self) -> None:
        self.device = best_device()
        self.together = self.device.type != "cpu"
        self.dtype = torch.float16 if self.together else torch.float32
        self.batch = GPU_BATCH if self.together else 4 * (os.cpu_count() or 1)

    @property
    def precision(self) -> str:
        """``float32`` or ``float16``."""
        return str(self.dtype).removeprefix("torch.")

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        return per_core_pool("encoder")

    def __call__(
        self, items: Sequence[T], prepare: Callable[[T], Inputs], model: Callable[[Inputs], Tensor], dim: int
    ) -> np.ndarray:
        """The model's answers, shape (n, dim), float32.

        Args:
            items: what is encoded.
            prepare: item -> the model's inputs, each of shape (1, ...), the same for all items that go together.
            model: inputs -> (batch, dim).
            dim: the length of an answer.
        """

        @torch.inference_mode()
        def run(inputs: Inputs) -> np.ndarray:
            placed = {name: self._placed(value) for name, value in inputs.items()}
            return model(placed).float().cpu().numpy()

        if not self.together:
            blocks = list(self._workers.map(lambda item: run(prepare(item)), items))
        else:
            prepared = list(self._workers.map(prepare, items))
            blocks = [run(_filled(part, self.batch))[: len(part)] for part in _parts(prepared, self.batch)]
        return np.concatenate(blocks).astype(np.float32, copy=False) if blocks else np.empty((0, dim), np.float32)

    def _placed(self, value: Tensor) -> Tensor:
        return value.to(self.device, self.dtype) if value.is_floating_point() else value.to(self.device)


def _parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


def _filled(prepared: Sequence[Inputs], size: int) -> Inputs:
    """One batch of exactly ``size``, the last item repeated."""
    items = [*prepared, *[prepared[-1]] * (size - len(prepared))]
    return {name: torch.cat([item[name] for item in items]) for name in items[0]}
