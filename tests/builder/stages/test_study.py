"""The prompts of a study: wordings, subjects, and what people really asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from artsim_dataset.errors import ConfigError
from builder.model_config import StudyPrompt
from builder.stage import Reject
from builder.stages.study import StudyStage, prompts, read_user_prompts

BOTH = StudyPrompt(images=2)


def rows(stage: StudyStage, artist: str = "Claude Monet") -> list[dict[str, object]]:
    with stage.open() as run:
        (made,) = run([{"id": "monet", "artist": artist}])
    assert isinstance(made, list) and not any(isinstance(row, Reject) for row in made)
    return made  # type: ignore[return-value]


def table(tmp_path: Path, text: str) -> str:
    (tmp_path / "asked.csv").write_text(text, encoding="utf-8")
    return str(tmp_path / "asked.csv")


def test_each_prompt_has_its_images_with_ids_and_seeds_of_their_own() -> None:
    made = rows(StudyStage(BOTH, 1))
    assert len(made) == 2 * (1 + 3 * 5) == len({row["id"] for row in made}) == len({row["seed"] for row in made})
    assert {row["template"] for row in made} == {"simple", *(f"constrained{n}" for n in range(1, 6))}
    again = rows(StudyStage(StudyPrompt(images=3), 1))
    assert {row["id"]: row["seed"] for row in made}.items() <= {row["id"]: row["seed"] for row in again}.items()


def test_what_people_asked_for_is_added_for_their_artist(tmp_path: Path) -> None:
    asked = read_user_prompts(table(tmp_path, 'artist,prompt\nclaude-monet,"a cat, by monet"\nClaude Monet,lilies\n'))
    assert asked == {"claude-monet": ("a cat, by monet", "lilies")}
    user = [row for row in rows(StudyStage(BOTH, 1, asked)) if str(row["template"]).startswith("user")]
    assert [row["prompt_complete"] for row in user[::2]] == ["a cat, by monet", "lilies"]
    assert rows(StudyStage(BOTH, 1, asked), "Egon Schiele") == rows(StudyStage(BOTH, 1), "Egon Schiele")


def test_other_user_prompts_are_another_study_and_their_path_is_none_of_it(tmp_path: Path) -> None:
    one, other = {"a": ("x",)}, {"a": ("y",)}
    told = StudyStage(StudyPrompt(user_prompts="/home/me/asked.csv"), 1, one).settings()
    assert told != StudyStage(BOTH, 1, other).settings() and "/home/me" not in str(told)
    assert StudyStage(StudyPrompt(), 1).settings() == StudyStage(StudyPrompt(user_prompts="x"), 1).settings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("artist,prompt\nmonet,\n", "lacks an artist or a prompt"), ("artist,prompt\n", "holds no prompts"),
     ("name,words\nmonet,x\n", "the columns are artist and prompt")],
)  # fmt: skip
def test_faulty_tables_are_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read_user_prompts(table(tmp_path, text))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_user_prompts(str(tmp_path / "gone.csv"))


def test_simple_prompts_alone_can_be_asked_for() -> None:
    assert [template for template, _, _ in prompts("X", StudyPrompt(templates="simple"), ["y"])] == ["simple", "user1"]
