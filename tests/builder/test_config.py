from __future__ import annotations

from pathlib import Path

import pytest

from artsim_dataset.errors import ConfigError
from builder.config import PRESETS, load_config


def test_later_settings_win_over_earlier_ones(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("seed: 7\nprompt: {variants: 2, moderate_share: 0.5}\n")
    config = load_config("lite", file, ["prompt.variants=3"], source={"limit": None})
    assert (config.seed, config.prompt.variants, config.prompt.moderate_share, config.source.limit) == (7, 3, 0.5, None)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("prompt.variants", "--set takes stage.key=value"),
        (
            "prompt.colour=blue",
            "unknown setting 'prompt.colour'; prompt (kind 'grammar') has: variants, moderate_share",
        ),
        ("prmpt.variants=1", "unknown setting 'prmpt"),
        ("prompt.variants=0", "setting 'prompt.variants' cannot be 0: input should be greater than or equal to 1"),
        ("prompt.variants=many", "setting 'prompt.variants' cannot be 'many'"),
        ("prompt=3", "setting 'prompt' cannot be 3"),
    ],
)
def test_setting_that_cannot_work_is_named_in_one_sentence(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(assignments=[assignment])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_valid_configuration(preset: str) -> None:
    assert load_config(preset).preset == preset


def test_paper_preset_has_the_numbers_of_s1() -> None:
    config = load_config("paper")
    assert config.caption.model == "Salesforce/blip2-opt-2.7b"  # type: ignore[union-attr]
    assert config.prompt.model == "meta-llama/Meta-Llama-3-8B-Instruct"  # type: ignore[union-attr]
    assert (config.prompt.max_new_tokens, config.prompt.moderate_share) == (200, 0.2)  # type: ignore[union-attr]
    assert config.compress.model == "facebook/bart-large-cnn"  # type: ignore[union-attr]
    assert config.compress.max_tokens == 75
    made_by = config.generate.model_dump()
    assert (made_by["model"], made_by["vae"]) == (
        "stabilityai/stable-diffusion-xl-refiner-1.0",
        "madebyollin/taesdxl",
    )
    assert (made_by["steps"], made_by["strength"], made_by["guidance"], made_by["batch"]) == (25, 0.4, 7.5, 6)
    assert (made_by["dtype"], made_by["compile"], made_by["attention"]) == ("float16", "unet", "xformers")
    assert (made_by["aesthetic_score"], made_by["negative_aesthetic_score"]) == (6.0, 2.5)
    assert (config.preprocess.size, config.preprocess.quality, config.seed) == (768, 95, 42)


def test_another_model_does_not_inherit_the_pinned_revision_or_the_vae() -> None:
    config = load_config("paper", assignments=["generate.model=owner/other", "generate.steps=30"]).generate.model_dump()
    assert (config["model"], config["revision"], config["vae"], config["steps"]) == ("owner/other", "main", None, 30)


def test_model_alone_asks_for_the_kind_that_has_weights() -> None:
    config = load_config(
        "lite", assignments=["caption.model=owner/blip", "prompt.variants=3", "prompt.model=owner/chat"]
    )
    assert (config.caption.kind, config.prompt.kind, config.prompt.variants) == ("blip2", "llm", 3)  # type: ignore[union-attr]


def test_kind_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="caption.kind cannot be 'magic'; kinds are: 'none', 'measured', 'blip2'"):
        load_config(assignments=["caption.kind=magic"])


def test_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown preset 'huge'; presets are: lite, paper, fast"):
        load_config("huge")


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "not valid YAML"), ("- 1", "must hold settings"), (None, "cannot read")]
)
def test_config_file_that_cannot_be_used_says_why(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "c.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(file=file)
