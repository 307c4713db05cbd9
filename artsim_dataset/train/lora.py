"""LoRA on the attention of an encoder (Hu et al. 2021), through peft, merged into the weights when training is over."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from torch import nn

from artsim_dataset.errors import ConfigError

ATTENTION = ("q_proj", "k_proj", "v_proj", "out_proj", "query", "key", "value")
"""Names of the linear layers of attention in CLIP, SigLIP, DINO and BERT."""


def add_lora(model: Any, rank: int) -> None:
    """Freezes the encoder of a SentenceTransformer and adds adapters of ``rank`` to its attention.

    Raises ConfigError when peft is missing, or the encoder has no attention that it knows.
    """
    if rank < 1:
        raise ConfigError(f"the rank of LoRA must be at least 1, got {rank}")
    if find_spec("peft") is None:
        raise ConfigError("LoRA needs peft: pip install peft")
    from peft import LoraConfig

    names = {name.rpartition(".")[2] for name, part in model.named_modules() if isinstance(part, nn.Linear)}
    targets = sorted(names & set(ATTENTION))
    if not targets:
        raise ConfigError(f"the encoder has no attention layers to adapt; LoRA looks for: {', '.join(ATTENTION)}")
    model.add_adapter(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets))


def merge_lora(model: Any) -> None:
    """Adds what the adapters learned to the weights under them and takes the adapters out: the same answers, a plain
    model."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, BaseTunerLayer):
                child.merge()
                setattr(module, name, child.get_base_layer())
    transformer = model.transformers_model
    transformer._hf_peft_config_loaded = False
    del transformer.peft_config
