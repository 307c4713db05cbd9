"""Own code is opened when a person names it, refused in one sentence when it cannot be, and never for a file's sake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artsim_dataset.encoders import TextEncoder, get_encoder, get_encoder_of
from artsim_dataset.errors import ConfigError
from artsim_dataset.own_code import TRUST, load_class

ENCODER = """
import numpy as np

class Mean:
    revision, dim = "1", 3
    def encode(self, images):
        return np.stack([np.asarray(i).mean((0, 1)) for i in images])

class MeanWithText(Mean):
    def encode_text(self, texts):
        return np.zeros((len(texts), 3))

class Nameless:
    dim = 3
    def encode(self, images): ...

class Short(Mean):
    dim = 4
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(TRUST, raising=False)
    (tmp_path / "mine.py").write_text(ENCODER)
    return tmp_path


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("mine.py", "names no class"),
        ("mine.py:1x", "names no class"),
        ("other.py:Mean", "no file other.py"),
        ("no_such_package_of_mine.art:Mean", "cannot import no_such_package_of_mine.art"),
        ("mine.py:Absent", "has no class 'Absent'"),
        ("mine.py:np", "has no class 'np'"),
        ("mine.py:Mean", "lacks: settings"),
        ("broken.py:X", "cannot import broken.py .SyntaxError"),
    ],
)
def test_what_cannot_be_opened_is_told_in_one_sentence(code: Path, reference: str, said: str) -> None:
    (code / "broken.py").write_text("class X(:\n")
    with pytest.raises(ConfigError, match=said):
        load_class(reference, ["settings"])


def test_a_file_is_imported_once_and_two_files_of_one_name_are_two(code: Path) -> None:
    (code / "sub").mkdir()
    (code / "sub" / "mine.py").write_text("class Mean: ...\n")
    assert load_class("mine.py:Mean") is load_class(f"{code}/mine.py:Mean")
    assert load_class("sub/mine.py:Mean") is not load_class("mine.py:Mean")


def test_a_class_in_a_file_is_an_encoder_with_the_name_that_it_was_asked_by(code: Path) -> None:
    encoder = get_encoder("python:mine.py:Mean")
    assert (encoder.name, encoder.revision, encoder.dim) == ("python:mine.py:Mean", "1", 3)
    vectors = encoder.encode([Image.new("RGB", (5, 4), (1, 2, 3))])
    assert vectors.dtype == np.float32 and vectors.tolist() == [[1, 2, 3]]
    assert not isinstance(encoder, TextEncoder)
    assert isinstance(get_encoder("python:mine.py:MeanWithText"), TextEncoder)


def test_an_encoder_that_breaks_the_protocol_is_told_so(code: Path) -> None:
    with pytest.raises(ConfigError, match="needs a revision"):
        get_encoder("python:mine.py:Nameless")
    with pytest.raises(ConfigError, match=r"answered shape \(1, 3\) for 1 inputs of 4 numbers"):
        get_encoder("python:mine.py:Short").encode([Image.new("RGB", (4, 4))])


def test_a_models_file_opens_code_only_when_that_very_class_is_trusted(
    code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code / "mine.py").write_text("open('ran', 'w')\n" + ENCODER)
    for trusted in ("", "mine.py", "mine.py:Short,mine.py"):
        monkeypatch.setenv(TRUST, trusted)
        with pytest.raises(ConfigError, match=f"the model there asks for code, mine.py:Mean; .* {TRUST}=mine.py:Mean"):
            get_encoder_of("there", "python:mine.py:Mean", "1")
    assert not (code / "ran").exists()
    monkeypatch.setenv(TRUST, "mine.py:Short,mine.py:Mean")
    for revision in ("1", "0" * 40):  # the second would be a commit, were it an encoder of the Hub
        assert get_encoder_of("there", "python:mine.py:Mean", revision).dim == 3


def test_every_reader_of_models_asks_for_trust(code: Path) -> None:
    """A siamese model, a detector and a SentenceTransformer folder, each naming code of a stranger."""
    import json

    from safetensors.numpy import save_file

    from artsim_dataset.detector.model import FACTS_FILE, FORMAT, PAINTINGS_FILE, WEIGHTS_FILE, load_detector
    from artsim_dataset.encoders.sentence import EncoderModule
    from artsim_dataset.model import ENCODER_FILE, load_model
    from artsim_dataset.model import FACTS_FILE as MODEL_FACTS

    named = {"encoder": "python:mine.py:Mean", "revision": "1"}
    model, detector = code / "model", code / "detector"
    for path, content in {
        model / ENCODER_FILE: named,
        model / MODEL_FACTS: {"tau": 0.1},
        model / "modules.json": [],
        detector / FACTS_FILE: {**named, "config": {"head": "linear"}, "temperature": 1, "format": FORMAT},
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    save_file({"0.weight": np.zeros((1, 3), np.float32), "0.bias": np.zeros(1, np.float32)}, detector / WEIGHTS_FILE)
    (detector / PAINTINGS_FILE).write_text("")
    for read in (load_model, load_detector, EncoderModule.load):
        with pytest.raises(ConfigError, match="asks for code"):
            read(str(detector if read is load_detector else model))
