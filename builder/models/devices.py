"""Where a torch model runs, in which precision, and how its batches are kept at one shape.

A batch is always filled up to the same number: torch.compile compiles once, and on the CPU the matrix products have
one shape, so that an item gives the same bits alone, in a full batch, and after a resume.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger(__name__)


def best_device() -> torch.device:
    """A GPU (CUDA, then Apple's MPS) when there is one, else the CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def choose_dtype(name: str, device: torch.device, auto: str = "float16") -> torch.dtype:
    """The precision asked for. ``auto`` and half precision on a CPU, which is slow and inexact there, give float32."""
    import torch

    if device.type == "cpu":
        if name in ("float16", "bfloat16"):
            logger.warning("%s is for GPUs: float32 is used on the CPU", name)
        return torch.float32
    dtype: torch.dtype = getattr(torch, auto if name == "auto" else name)
    return dtype


def half_precision(device: torch.device) -> str:
    """bfloat16 where the GPU computes in it (it cannot overflow as float16 does), else float16."""
    import torch

    native = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if native else "float16"


def quiet_libraries() -> None:
    """No bars and no hints of the model libraries: the build has bars of its own. Downloads keep theirs."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if find_spec("diffusers"):
        import diffusers

        diffusers.utils.logging.set_verbosity_error()
        diffusers.utils.logging.disable_progress_bar()


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
