"""The card: its numbers are those of the rows, counted here in another way, and its YAML is what the Hub reads."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard

from builder.card import PLACE, write_card


@pytest.fixture
def facts(made: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made / "build.json").read_text())
    found["rows"] = {config: found["rows"][config] for config in ("pairs", *found["rows"])}
    return found


def card(facts: dict[str, Any], path: Path, template: str = "dataset_card.md") -> str:
    write_card(path / "card.md", facts, template)
    return (path / "card.md").read_text()


def table(text: str, title: str) -> dict[str, list[str]]:
    """The rows of the first table below a title, by their first cell."""
    lines = text.partition(f"## {title}\n")[2].splitlines()
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in lines if line.startswith("|")]
    return {row[0]: row[1:] for row in rows[: next((n for n, row in enumerate(rows) if row[0] == "**all**"), 99) + 1]}


def test_counts_by_genre_and_level_are_those_of_the_rows(made: Path) -> None:
    rows = [row for shard in (made / "metadata").glob("*.parquet") for row in pq.read_table(shard).to_pylist()]
    variants = Counter((row["genre"], row["level"]) for row in rows)
    paintings = Counter(row["genre"] for row in {row["id"].rpartition("-")[0]: row for row in rows}.values())
    shown = table((made / "README.md").read_text(), "Counts")
    levels = shown["genre"][1:]
    assert levels == ["moderate", "radical"]
    for genre, count in paintings.items():
        assert shown[genre] == [str(count), *(str(variants[genre, level]) for level in levels)]
    assert shown["**all**"] == [
        str(sum(paintings.values())),
        *(str(sum(variants[genre, level] for genre in paintings)) for level in levels),
    ]
    assert len(shown) == len(paintings) + 3


def test_its_yaml_is_what_the_hub_reads(made: Path) -> None:
    data = DatasetCard((made / "README.md").read_text()).data
    assert data.license == "other"
    assert [entry["config_name"] for entry in data.configs if entry.get("default")] == ["pairs"]
    assert {entry["config_name"] for entry in data.configs} >= {"pairs", "triplets", "real_vs_ai", "metadata"}


def test_it_says_where_to_load_it_from_once_it_is_known(made: Path) -> None:
    text = (made / "README.md").read_text()
    assert text.count(PLACE) == 1
    assert f'load_dataset("{PLACE}", "triplets", split="train")' in text


@pytest.mark.parametrize(
    ("model", "licence", "words"),
    [
        ("meta-llama/Meta-Llama-3-8B-Instruct", "", "Built with Meta Llama 3"),
        ("any/diffusion", "CreativeML Open RAIL++-M", "use restrictions of CreativeML OpenRAIL"),
    ],
)
def test_what_a_licence_asks_for_is_there_when_its_model_was_used(
    facts: dict[str, Any], tmp_path: Path, model: str, licence: str, words: str
) -> None:
    assert words not in card(facts, tmp_path)
    facts["makers"].append({"stage": "prompt", "model": model, "revision": "", "licence": licence})
    assert words in card(facts, tmp_path)
    study = facts | {"rows": {"images": {"train": 3}}, "artists": {"a": 3}}
    if licence:
        assert words in card(study, tmp_path, "builder/study_card.md")


def test_rejects_are_listed_or_said_to_be_none(facts: dict[str, Any], tmp_path: Path) -> None:
    facts["rejects"] = []
    assert "None: every painting of the source is here." in card(facts, tmp_path)
    facts["rejects"] = [{"stage": "preprocess", "reason": "truncated", "count": 7}]
    assert table(card(facts, tmp_path), "Rejects")["preprocess"] == ["truncated", "7"]


def test_a_build_without_prompts_counts_variants(facts: dict[str, Any], tmp_path: Path) -> None:
    facts["variants_by_level"] = {"": {"Baroque": 2}}
    shown = table(card(facts, tmp_path), "Counts")
    assert shown["genre"] == ["paintings", "variants"]
    assert shown["Baroque"][1] == "2"
