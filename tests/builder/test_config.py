from __future__ import annotations

from pathlib import Path

import pytest

from artsim_dataset.errors import ConfigError
from builder.config import load_config


def test_later_settings_win_over_earlier_ones(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("seed: 7\nprompt: {variants: 2, moderate_share: 0.5}\n")
    config = load_config("lite", file, ["prompt.variants=3"], source={"limit": None})
    assert (config.seed, config.prompt.variants, config.prompt.moderate_share, config.source.limit) == (7, 3, 0.5, None)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("prompt.variants", "--set takes stage.key=value"),
        ("prompt.colour=blue", "unknown setting 'prompt.colour'; prompt has: model, variants, moderate_share"),
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


def test_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown preset 'huge'; presets are: lite"):
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
