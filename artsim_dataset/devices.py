"""Where a torch model runs and in which precision, and model libraries that keep quiet."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def best_device() -> torch.device:
    """A GPU (CUDA, then Apple's MPS) when there is one, else the CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


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
