"""Image encoders of the Hub through their own classes in transformers: CLIP, SigLIP, SigLIP 2, DINOv2, DINOv3.

    openai/clip-vit-base-patch32             CLIP's projected image feature: what S2 trained on
    clip-cls:openai/clip-vit-large-patch14   CLIP's class token after the last block, before the last layer norm and
                                             the projection: the baseline of CSD (S3), another vector of other length
    google/siglip2-base-patch16-224          SigLIP's pooled feature
    facebook/dinov2-base                     DINO's class token after the last layer norm
    csd:OWNER/MODEL, a SentenceTransformer   see `csd` and `sentence_model`

``NAME@REVISION`` takes a commit, branch or tag; a local folder stands wherever an id does. CLIP and SigLIP also encode
texts, into the same space. The image processor is always PIL's (`backend="pil"`): torchvision's resizes differently,
and which one transformers takes by itself depends on what else is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from artsim_dataset.devices import quiet_libraries
from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.running import Inputs, Runner
from artsim_dataset.errors import ConfigError
from artsim_dataset.weights import Weights, loading, locate

CLASS_TOKEN, CSD = "clip-cls:", "csd:"
TWO_TOWERS = frozenset(["clip", "siglip", "siglip2"])
VISION_ONLY = frozenset(["dinov2", "dinov2_with_registers", "dinov3_vit"])
"""By the ``model_type`` of their configs."""


def open_encoder(name: str) -> Encoder:
    """The encoder that ``name`` stands for, loaded.

    Raises ConfigError for anything that cannot be found, loaded, or seen with.
    """
    kind = next((kind for kind in (CLASS_TOKEN, CSD) if name.startswith(kind)), "")
    model, revision = _split(name.removeprefix(kind))
    quiet_libraries()
    weights = locate(model, revision or "main")
    full_name = kind + (weights.folder or weights.name)
    if kind == CSD:
        from artsim_dataset.encoders.csd import CsdEncoder

        return CsdEncoder(full_name, weights)
    if not kind and (modules := file_of(weights, "modules.json")):
        from artsim_dataset.encoders.sentence_model import open_sentence_model

        return open_sentence_model(full_name, weights, modules)
    return _transformers_encoder(full_name, weights, class_token=bool(kind))


def _split(name: str) -> tuple[str, str]:
    """``OWNER/MODEL@REVISION`` in two; a folder may have an @ in its name."""
    model, at, revision = name.rpartition("@")
    return (name, "") if not at or Path(name).expanduser().exists() else (model, revision)


def file_of(weights: Weights, name: str) -> Path | None:
    """A file of the model on this disk, downloaded when need be; None when the model has no such file.

    Raises ConfigError when that cannot be found out.
    """
    if weights.folder:
        path = Path(weights.folder) / name
        return path if path.is_file() else None
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    with loading(weights.name):
        try:
            return Path(hf_hub_download(weights.name, name, revision=weights.revision))
        except EntryNotFoundError:  # also when the Hub cannot be asked and the file was never there
            return None


def _transformers_encoder(name: str, weights: Weights, class_token: bool) -> Encoder:
    from transformers import AutoConfig

    with loading(weights.name):
        config: Any = AutoConfig.from_pretrained(**weights.where())
    family = config.model_type
    if class_token and family != "clip":
        raise ConfigError(f"{CLASS_TOKEN} is for CLIP, and {weights.name} is a model of type '{family}'")
    if class_token:
        return ClassTokenEncoder(name, weights)
    if family in TWO_TOWERS:
        return TwoTowerEncoder(name, weights)
    if family in VISION_ONLY:
        return VisionEncoder(name, weights)
    raise ConfigError(
        f"{weights.name} is a model of type '{family}', which is no image encoder artsim knows; these are: "
        f"{', '.join(sorted(TWO_TOWERS | VISION_ONLY))}, and any SentenceTransformer that takes images"
    )


class VisionEncoder:
    """A vision transformer's pooled output (DINO: the class token after the last layer norm).

    Implements :class:`artsim_dataset.encoders.Encoder`. ``dim`` is found by encoding a grey square.
    """

    def __init__(self, name: str, weights: Weights) -> None:
        self.name, self.revision = name, weights.revision
        self._runner = Runner()
        self.backend = f"pil-{self._runner.precision}"
        self.batch = self._runner.batch
        self._processor = self._processor_of(weights)
        self._model = self._load(weights).to(self._runner.device).eval().requires_grad_(False)
        self.dim = 0
        self.dim = self.encode([Image.new("RGB", (64, 64), (128, 128, 128))]).shape[1]

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Embeddings of images, shape (n, dim), float32, not normalised."""
        return self._runner(images, self._prepare, self._features, self.dim)

    def _processor_of(self, weights: Weights) -> Any:
        from transformers import AutoImageProcessor

        with loading(weights.name):
            return AutoImageProcessor.from_pretrained(**weights.where(), backend="pil")

    def _load(self, weights: Weights) -> Any:
        return load_transformer(weights, self._runner)

    def _prepare(self, image: Image.Image) -> Inputs:
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        return dict(self._processor(images=[rgb], return_tensors="pt"))

    def _features(self, inputs: Inputs) -> Tensor:
        return self._model(**inputs).pooler_output


class ClassTokenEncoder(VisionEncoder):
    """CLIP's class token as the last residual block leaves it: before ``ln_post`` and without projection."""

    def _load(self, weights: Weights) -> Any:
        return super()._load(weights).vision_model

    def _features(self, inputs: Inputs) -> Tensor:
        return self._model(**inputs).last_hidden_state[:, 0]


class TwoTowerEncoder(VisionEncoder):
    """CLIP's and SigLIP's image features, and text features of the same length in the same space.

    Implements :class:`artsim_dataset.encoders.TextEncoder`.
    """

    def __init__(self, name: str, weights: Weights) -> None:
        from transformers import AutoTokenizer

        super().__init__(name, weights)
        with loading(weights.name):
            self._tokenizer: Any = AutoTokenizer.from_pretrained(**weights.where())

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of texts, shape (n, dim), float32, not normalised. A text longer than the tower's window is cut:
        CLIP reads 75 tokens and two marks, SigLIP 64."""
        return self._runner(texts, self._tokens, self._text_features, self.dim)

    def _features(self, inputs: Inputs) -> Tensor:
        return self._model.get_image_features(**inputs).pooler_output

    def _text_features(self, inputs: Inputs) -> Tensor:
        return self._model.get_text_features(**inputs).pooler_output

    def _tokens(self, text: str) -> Inputs:
        """CLIP ignores what comes after the end mark. SigLIP was trained on filled-up texts, without a mask."""
        config = self._model.config
        siglip = config.model_type != "clip"
        filled = siglip or self._runner.together
        tokens = self._tokenizer(
            [text],
            padding="max_length" if filled else False,
            max_length=config.text_config.max_position_embeddings,
            truncation=True,
            return_tensors="pt",
        )
        return {"input_ids": tokens["input_ids"]} if siglip else dict(tokens)


def load_transformer(weights: Weights, runner: Runner) -> Any:
    """The model with all of its weights.

    Raises ConfigError when the checkpoint lacks some: transformers would fill them in at random and only warn.
    """
    from transformers import AutoModel

    with loading(weights.name):
        model: Any
        model, report = AutoModel.from_pretrained(**weights.where(), dtype=runner.dtype, output_loading_info=True)
    missing = sorted(report["missing_keys"])
    if missing:
        raise ConfigError(
            f"{weights.name} has no weights for {missing[0]} and {len(missing) - 1} more: it is not a whole checkpoint"
        )
    return model
