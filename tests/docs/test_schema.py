"""docs/schema.md names every column with its type and range; a built data set keeps to them."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import Features

from artsim_dataset.features import FEATURES, STUDY_FEATURES
from builder.build import BuildResult
from tests.docs.blocks import ROOT

SECTIONS = dict(re.findall(r"(?ms)^## (\w+)\n(.*?)(?=^## |\Z)", (ROOT / "docs" / "schema.md").read_text("utf-8")))
TABLED = ("pairs", "triplets", "real_vs_ai", "images")


def table(config: str) -> dict[str, tuple[str, str]]:
    """Column -> (type, range), as the page has them."""
    rows = re.findall(r"(?m)^\| `(\w+)` \| (\w+) \| (.*?) ?\| .*\|$", SECTIONS[config])
    return {column: (kind, limits.strip()) for column, kind, limits in rows}


def type_name(feature: Any) -> str:
    return getattr(feature, "dtype", "") if type(feature).__name__ == "Value" else type(feature).__name__


@pytest.mark.parametrize("config", TABLED)
def test_the_page_has_every_column_in_order_with_its_type(config: str) -> None:
    features: Features = {**FEATURES, **STUDY_FEATURES}[config]
    assert [(c, kind) for c, (kind, _) in table(config).items()] == [(c, type_name(f)) for c, f in features.items()]


def test_configs_that_share_columns_are_told_so_truly() -> None:
    assert set(SECTIONS) >= set(FEATURES) | set(STUDY_FEATURES)
    assert FEATURES["triplets_hard"] == FEATURES["triplets"]
    assert list(FEATURES["metadata"]) == [c for c in FEATURES["pairs"] if c not in ("original", "generated")]


@pytest.mark.parametrize("config", ["pairs", "triplets", "real_vs_ai"])
def test_rows_of_a_data_set_are_within_the_ranges(config: str, built: BuildResult) -> None:
    limited = {column: limits for column, (_, limits) in table(config).items() if limits}
    for path in (built.out / config).glob("*.parquet"):
        for column, values in pq.read_table(path, columns=list(limited)).to_pydict().items():
            limits = limited[column]
            if bounds := re.fullmatch(r"(\d+) to (\d+)", limits):
                assert int(bounds[1]) <= min(values) and max(values) <= int(bounds[2]), column
            else:
                allowed = [one.strip("'") for one in re.findall(r"`(.*?)`", limits)]
                assert set(values) <= set(range(len(allowed)) if config == "real_vs_ai" else allowed), column


def test_what_the_page_says_of_single_columns_holds(built: BuildResult) -> None:
    for path in (built.out / "metadata").glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            painting = row["id"].rpartition("-")[0]
            assert painting.split("/")[0] == row["genre"] and row["group"] <= painting
            assert re.fullmatch("[0-9a-f]{16}", row["phash"])
            assert json.loads(row["provenance"])["seed"] == row["seed"]
            assert len(row["prompt_complete"].split()) <= 75
            assert 0 <= row["content_left"] < row["content_right"] and row["content_top"] < row["content_bottom"]
            assert None not in row.values()
