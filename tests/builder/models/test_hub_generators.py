"""The diffusion generators on tiny checkpoints: the classes and calls of a GPU user, sizes aside."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from artsim_dataset.errors import ConfigError
from builder.checks import generate_checked
from builder.model_config import Img2Img, Text2Img, Variations
from builder.models import ImageGenerator, ImageTask, Made, Pixels
from builder.models.devices import Batcher
from builder.models.diffusion import compile_unet
from builder.models.hub_generator import HubGenerator
from builder.models.hub_img2img import Img2ImgGenerator, framed, open_img2img
from builder.models.hub_text2img import open_text2img
from builder.models.hub_variations import open_variations
from builder.models.weights import resolve
from builder.stage import Reject
from tests.builder.models import tiny_diffusion

SIDE = 128


def painting(number: int) -> Pixels:
    """Paintings of different shapes."""
    rng = np.random.default_rng(number)
    small = Image.fromarray(rng.integers(0, 255, (5, 7, 3), dtype=np.uint8))
    return np.asarray(small.resize((SIDE, 72 + 8 * number) if number % 2 else (80, SIDE)))


def tasks(count: int = 6) -> list[ImageTask]:
    return [
        ImageTask(f"p{n}-0", painting(n), f"a painting of {n} boats", "radical", (1 << 62) + n) for n in range(count)
    ]


def pixels(answer: Made | Reject) -> Pixels:
    assert isinstance(answer, Made), answer
    return answer.pixels


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    tiny_diffusion.refiner(folder / "refiner")
    tiny_diffusion.taesd(folder / "taesd")
    tiny_diffusion.image_variations(folder / "variations")
    tiny_diffusion.stable_diffusion(folder / "sd")
    return folder


def img2img(checkpoints: Path, stack: ExitStack, **settings: object) -> Img2ImgGenerator:
    config = Img2Img.model_validate(
        {"model": str(checkpoints / "refiner"), "vae": str(checkpoints / "taesd"), **settings}
    )
    weights = resolve(config.model, config.revision, checkpoints)
    vae = resolve(config.vae, "main", checkpoints) if config.vae else None
    generator = stack.enter_context(open_img2img(weights, vae, config, SIDE))
    assert isinstance(generator, Img2ImgGenerator)
    return generator


@pytest.fixture(scope="module")
def generators(checkpoints: Path) -> Iterator[dict[str, ImageGenerator]]:
    with ExitStack() as stack:
        variations = Variations(model=str(checkpoints / "variations"), steps=3)
        text = Text2Img(model=str(checkpoints / "sd"), steps=3)
        yield {
            "img2img": img2img(checkpoints, stack),
            "variations": stack.enter_context(open_variations(resolve(variations.model, "", checkpoints), variations)),
            "text2img": stack.enter_context(open_text2img(resolve(text.model, "", checkpoints), text)),
        }


@pytest.mark.parametrize("kind", ["img2img", "variations", "text2img"])
def test_variant_alone_is_the_variant_in_a_batch_to_the_bit(generators: dict[str, ImageGenerator], kind: str) -> None:
    together = generators[kind].generate(tasks())
    assert len({pixels(answer).tobytes() for answer in together}) == 6
    for number in (0, 3, 5):
        (alone,) = generators[kind].generate([tasks()[number]])
        assert np.array_equal(pixels(alone), pixels(together[number]))


@pytest.mark.parametrize("kind", ["img2img", "variations", "text2img"])
def test_real_batch_as_on_a_gpu_gives_the_same_images_but_for_rounding(
    generators: dict[str, ImageGenerator], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one = generators[kind].generate(tasks(4))
    monkeypatch.setattr(generators[kind], "_batcher", Batcher(3))
    for alone, among in zip(one_by_one, generators[kind].generate(tasks(4)), strict=True):
        assert np.abs(pixels(alone).astype(int) - pixels(among)).max() <= 2


@pytest.mark.parametrize("kind", ["img2img", "variations"])
def test_variant_has_the_size_of_its_painting_and_passes_the_checks(
    generators: dict[str, ImageGenerator], kind: str
) -> None:
    for task, answer in zip(tasks(), generate_checked(generators[kind], tasks()), strict=True):
        assert task.image is not None
        assert pixels(answer).shape == task.image.shape


@pytest.mark.parametrize("kind", ["img2img", "text2img"])
def test_seed_and_prompt_change_the_image(generators: dict[str, ImageGenerator], kind: str) -> None:
    task = tasks()[1]
    changed = [task, replace(task, seed=7), replace(task, prompt="a storm of red")]
    first, seeded, prompted = (pixels(answer) for answer in generators[kind].generate(changed))
    assert not np.array_equal(first, seeded)
    assert not np.array_equal(first, prompted)


def test_provenance_holds_every_parameter_of_s1(generators: dict[str, ImageGenerator]) -> None:
    (made,) = generators["img2img"].generate(tasks(1))
    assert isinstance(made, Made)
    facts = json.loads(json.dumps(made.provenance))
    expected = {
        "generator": "refiner", "pipeline": "StableDiffusionXLImg2ImgPipeline", "scheduler": "EulerDiscreteScheduler",
        "steps": 25, "effective_steps": 10, "strength": 0.4, "guidance": 7.5, "batch": 6, "one_by_one": True,
        "negative_prompt": "",
        "aesthetic_score": 6.0, "negative_aesthetic_score": 2.5, "vae_slicing": True, "dtype": "float32",
        "attention": "sdpa", "compile": "none", "size": SIDE, "prompt_read": True,
    }  # fmt: skip
    assert {key: facts[key] for key in expected} == expected
    assert facts["vae"]["model"] == "taesd" and facts["revision"].startswith("local-")
    assert "/" not in json.dumps(facts), "no path of this machine"


def test_pipeline_is_handed_the_painting_in_its_black_frame() -> None:
    image = painting(1)
    frame = framed(image, 136)
    top, left = (136 - image.shape[0]) // 2, (136 - image.shape[1]) // 2
    assert np.array_equal(frame[top : top + image.shape[0], left : left + image.shape[1]], image)
    assert frame.sum() == image.sum(), "all else is black"


def test_side_that_a_vae_cannot_halve_is_rounded_up(checkpoints: Path) -> None:
    with ExitStack() as stack:
        config = Img2Img(model=str(checkpoints / "refiner"), vae=str(checkpoints / "taesd"), steps=5)
        generator = stack.enter_context(
            open_img2img(resolve(config.model, "", checkpoints), resolve(str(config.vae), "", checkpoints), config, 100)
        )
        assert isinstance(generator, HubGenerator) and generator.settings()["size"] == 104
        (made,) = generator.generate([ImageTask("a", painting(1)[:60, :100], "x", "radical", 1)])
        assert pixels(made).shape == (60, 100, 3)


def test_cached_prompt_gives_the_image_that_the_text_gives(checkpoints: Path) -> None:
    with ExitStack() as stack:
        plain = img2img(checkpoints, stack)
        cached = img2img(checkpoints, stack, cache_prompts=True)
        twice = [tasks()[0], replace(tasks()[0], seed=3), tasks()[1]]
        for one, other in zip(plain.generate(twice), cached.generate(twice), strict=True):
            assert np.abs(pixels(one).astype(int) - pixels(other)).max() <= 1
        assert len(cached._embedded) == 2


# --- faults -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broken_vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A taesd whose decoder gives NaN, as a VAE that overflows in half precision does."""
    folder = tmp_path_factory.mktemp("broken") / "taesd"
    torch.manual_seed(1)
    model = tiny_diffusion.tiny_vae()
    with torch.no_grad():
        model.decoder.layers[-1].weight.fill_(float("nan"))
    model.save_pretrained(folder)
    return folder


def test_nan_is_cured_by_the_full_precision_vae_and_the_row_says_so(checkpoints: Path, broken_vae: Path) -> None:
    with ExitStack() as stack:
        generator = img2img(checkpoints, stack, vae=str(broken_vae), steps=5)
        raw = generator.generate(tasks(2))
        assert [answer.reason for answer in raw if isinstance(answer, Reject)] == ["not_finite", "not_finite"]
        for answer in generate_checked(generator, tasks(2)):
            assert isinstance(answer, Made)
            assert (answer.provenance["vae_dtype"], answer.provenance["retried"]) == ("float32", True)
            assert answer.provenance["vae"] == {k: generator.pipeline.facts[k] for k in ("model", "revision")}


def test_careful_image_is_the_image_of_the_models_own_vae(checkpoints: Path) -> None:
    """In float32 both ways are one: the hand-made decoding is the pipeline's."""
    with ExitStack() as stack:
        generator = img2img(checkpoints, stack, vae=None, steps=5)
        (plain,) = generator.generate(tasks(1))
        careful = generator.careful(tasks(1)[0])
        assert np.abs(pixels(plain).astype(int) - pixels(careful)).max() <= 1


def test_image_that_the_safety_checker_blacks_out_is_a_reject(tmp_path: Path) -> None:
    config = Text2Img(model=str(tiny_diffusion.stable_diffusion(tmp_path / "sd", strict=True)), steps=2)
    with open_text2img(resolve(config.model, "", tmp_path), config) as generator:
        (answer,) = generate_checked(generator, tasks(1))
    assert isinstance(answer, Reject) and answer.reason == "safety_checker"


def test_xformers_that_is_not_there_and_half_precision_on_a_cpu_are_said_in_the_log(
    checkpoints: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "builder"), ExitStack() as stack:
        img2img(checkpoints, stack, attention="xformers", dtype="float16", compile="unet")
    text = caplog.text
    assert "SDPA" in text and "float32 is used on the CPU" in text and "torch.compile is left out" in text


@pytest.mark.parametrize("broken", ["unet/config.json", "model_index.json"])
def test_checkpoint_that_cannot_be_loaded_is_named_in_one_sentence(tmp_path: Path, broken: str) -> None:
    tiny_diffusion.stable_diffusion(tmp_path / "sd")
    (tmp_path / "sd" / broken).unlink()
    config = Text2Img(model=str(tmp_path / "sd"))
    opening = open_text2img(resolve(config.model, "", tmp_path), config)
    with pytest.raises(ConfigError, match="^sd cannot be loaded: "), opening:
        pass


# --- the refiner's real shape -------------------------------------------------------------------------------------


def test_refiner_with_its_published_numbers_is_accepted(tmp_path: Path) -> None:
    """The whole call at 768 px with the real UNet and text encoder on the meta device: shapes without weights."""
    pipe = tiny_diffusion.published_refiner()
    parameters = sum(p.numel() for p in pipe.unet.inner.parameters())
    assert 2.2e9 < parameters < 2.4e9
    from builder.models.diffusion import Pipeline
    from builder.models.weights import Weights

    opened = Pipeline(pipe, Weights("refiner", "0" * 40), torch.device("cpu"), torch.float32, {"generator": "refiner"})
    generator = Img2ImgGenerator(opened, Img2Img(batch=1), 768)
    task = ImageTask("a-0", np.full((500, 768, 3), 90, np.uint8), "a calm harbour", "radical", 5)
    (answer,) = generator.generate([task])
    assert pixels(answer).shape == (500, 768, 3)
    assert pipe.unet.calls == [((2, 4, 96, 96), (2, 77, 1280), (2, 1280), (2, 5))] * 10


# --- torch.compile --------------------------------------------------------------------------------------------------


SLOW = bool(os.environ.get("ARTSIM_SLOW_TESTS"))
"""The compiler takes a minute or two for each mode; the whole UNet is left to ``ARTSIM_SLOW_TESTS=1``."""


@pytest.mark.parametrize("mode", ["blocks", pytest.param("unet", marks=pytest.mark.skipif(not SLOW, reason="slow"))])
def test_compiled_unet_gives_the_same_image_and_compiles_once_for_all_batches(checkpoints: Path, mode: str) -> None:
    """With the real compiler, on the CPU: what a GPU runs by default, kernels aside."""
    with ExitStack() as stack:
        generator = img2img(checkpoints, stack, steps=3)
        plain = generator.generate(tasks(3))
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        compile_unet(generator.pipeline.pipe, mode)
        generator._batcher = Batcher(2)
        compiled = generator.generate(tasks(3))
        graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        generator.generate(tasks(5))
        assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs > 0, "nothing was compiled again"
        for one, other in zip(plain, compiled, strict=True):
            assert np.abs(pixels(one).astype(int) - pixels(other)).max() <= 2
