"""Where a torch model runs, in which precision, and how its batches are kept at one shape.

A batch is always filled up to the same number: torch.compile compiles once, and on the CPU the matrix products have
one shape, so that an item gives the same bits alone, in a full batch, and after a resume.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from artsim_dataset.devices import best_device, half_precision, quiet_libraries

if TYPE_CHECKING:
    import torch

__all__ = [
    "Batcher",
    "best_device",
    "choose_dtype",
    "free_memory",
    "half_precision",
    "is_out_of_memory",
    "quiet_libraries",
]

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger(__name__)


def choose_dtype(name: str, device: torch.device, auto: str = "float16") -> torch.dtype:
    """The precision asked for. ``auto`` and half precision on a CPU, which is slow and inexact there, give float32."""
    import torch

    if device.type == "cpu":
        if name in ("float16", "bfloat16"):
            logger.warning("%s is for GPUs: float32 is used on the CPU", name)
        return torch.float32
    dtype: torch.dtype = getattr(torch, auto if name == "auto" else name)
    return dtype


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that a smaller batch may fit: CUDA's own error, or a failed allocation on the CPU."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    )


class Batcher:
    """Calls a model with batches of constant size, and halves that size for good when memory runs out.

    Args:
        size: items at once.

    >>> batcher = Batcher(4)
    >>> batcher(lambda items: [10 * item for item in items], [1, 2, 3, 4, 5])
    [10, 20, 30, 40, 50]
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, run: Callable[[list[T]], Sequence[R]], items: Sequence[T]) -> list[R]:
        """``run`` on all items. It is always given exactly ``size`` of them; the last is repeated to fill up.

        Raises whatever ``run`` raises; out of memory only when a single item does not fit.
        """
        answers: list[R] = []
        while len(answers) < len(items):
            batch = list(items[len(answers) : len(answers) + self.size])
            filled = batch + [batch[-1]] * (self.size - len(batch))
            try:
                answers.extend(list(run(filled))[: len(batch)])
            except Exception as error:
                if self.size == 1 or not is_out_of_memory(error):
                    raise
                self.size //= 2
                failed = True
            else:
                failed = False
            if failed:  # outside of the handler: the exception's frames hold the tensors that do not fit
                free_memory()
                logger.warning("out of memory: going on with batches of %d", self.size)
        return answers


def free_memory() -> None:
    """Gives back what failed allocations and dropped models held."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
