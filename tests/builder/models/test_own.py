from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from artsim_dataset.errors import ConfigError
from builder.card import published_settings
from builder.choose import generator
from builder.config import load_config
from builder.models import ImageTask, Made
from builder.pipeline import stages
from builder.stage import fingerprint

CODE = """
import numpy as np
from builder.models import Made
from builder.stage import Reject

class Inverse:
    batch, lane = 3, "api"
    entered = 0
    def __init__(self, top=255):
        self.top = top
    def settings(self):
        return {"generator": "inverse", "top": self.top}
    def generate(self, tasks):
        return [Made(self.top - t.image, self.settings()) for t in tasks]
    def careful(self, task):
        return None
    def __enter__(self):
        Inverse.entered += 1
        return self
    def __exit__(self, *gone):
        Inverse.entered -= 1

class Fewer(Inverse):
    def generate(self, tasks): return []
class Bare(Inverse):
    def generate(self, tasks): return [t.image for t in tasks]
class Floats(Inverse):
    def generate(self, tasks): return [Made(t.image / 255, self.settings()) for t in tasks]
class Anonymous(Inverse):
    def generate(self, tasks): return [Made(t.image, {}) for t in tasks]
class Refuses(Inverse):
    def generate(self, tasks): return [Reject("dull", "nothing to invert")]
class Lost(Inverse):
    lane = "moon"
class Unnamed(Inverse):
    def settings(self): return {"top": 1}
class Unplain(Inverse):
    def settings(self): return {"generator": "x", "top": {1}}
class NoCareful:
    batch, settings, generate = 1, dict, list
"""
TASK = ImageTask("Cubism/a_b-0", np.full((4, 6, 3), 55, np.uint8), "", "radical", 7)


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return str(path)


def chosen(reference: str, *more: str):
    return load_config(assignments=["generate.kind=own", f"generate.object={reference}", *more])


def test_a_class_named_in_the_settings_makes_the_variants_in_its_lane(mine: str, tmp_path: Path) -> None:
    model = generator(chosen(f"{mine}:Inverse", "generate.options.top=250"), tmp_path)
    told = {"kind": "own", "object": "mine.py:Inverse", "model": "inverse", "generator": "inverse", "top": 250}
    assert model.settings == told
    assert model.lane == "api"
    with pickle.loads(pickle.dumps(model.open))() as opened:  # as a worker gets it
        (made,) = opened.generate([TASK])
        assert opened.batch == 3 and made.pixels.tolist() == np.full((4, 6, 3), 195).tolist()
        assert opened.careful(TASK) is None and type(opened._generator).entered == 1
    assert type(opened._generator).entered == 0


def test_its_own_settings_are_in_the_fingerprint_and_its_folder_is_not(mine: str, tmp_path: Path) -> None:
    def named(reference: str, *more: str) -> str:
        stage = next(s for s in stages(chosen(reference, *more), tmp_path, tmp_path) if s.name == "generate")
        return fingerprint(stage, "")

    moved = tmp_path / "elsewhere" / "mine.py"
    moved.parent.mkdir()
    moved.write_text(CODE)
    assert named(f"{mine}:Inverse") == named(f"{moved}:Inverse") == named(f"{mine}:Inverse", "generate.options.top=255")
    assert named(f"{mine}:Inverse") != named(f"{mine}:Inverse", "generate.options.top=254")
    assert published_settings(chosen(f"{mine}:Inverse"))["generate"]["object"] == "mine.py:Inverse"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Absent", "has no class 'Absent'"),
        ("NoCareful", "lacks: careful"),
        ("Lost", "lane .* is 'moon'; lanes are: cpu, gpu, api"),
        ("Unnamed", "'generator' is the generator's name"),
        ("Unplain", "plain JSON values"),
    ],
)
def test_a_class_that_is_no_generator_is_refused_before_any_work(mine: str, tmp_path: Path, name: str, said: str):
    with pytest.raises(ConfigError, match=said):
        generator(chosen(f"{mine}:{name}"), tmp_path)


def test_options_that_its_constructor_does_not_take_are_told(mine: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be made .TypeError: .*unexpected keyword argument 'colour'"):
        generator(chosen(f"{mine}:Inverse", "generate.options.colour=1"), tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Fewer", "answered 0 images for 1 tasks"),
        ("Bare", "answered a ndarray, not Made or Reject"),
        ("Floats", r"must be uint8 of shape \(height, width, 3\), not float64 \(4, 6, 3\)"),
        ("Anonymous", "must name the 'generator'"),
    ],
)
def test_answers_that_break_the_protocol_end_the_stage_with_a_sentence(
    mine: str, tmp_path: Path, name: str, said: str
) -> None:
    with generator(chosen(f"{mine}:{name}"), tmp_path).open() as opened, pytest.raises(ConfigError, match=said):
        opened.generate([TASK])


def test_its_rejects_go_through(mine: str, tmp_path: Path) -> None:
    with generator(chosen(f"{mine}:Refuses"), tmp_path).open() as opened:
        (answer,) = opened.generate([TASK])
    assert not isinstance(answer, Made) and answer.reason == "dull"
