from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from artsim_dataset.letterbox import MAX_PIXELS, letterbox
from builder.stage import Reject, Row, fingerprint
from builder.stages.preprocess import PreprocessStage
from tests.builder.odd_images import BAD, GOOD, painting, save


def stage(root: Path, **changes: int) -> PreprocessStage:
    return PreprocessStage(root, **{"size": 128, "quality": 95, "max_pixels": MAX_PIXELS, **changes})


def run(root: Path, *paths: str, **changes: int) -> list[Row | Reject]:
    with stage(root, **changes).open() as function:
        return list(function({"id": path, "path": path, "sha256": ""} for path in paths))  # type: ignore[arg-type]


def test_a_painting_gets_exactly_the_columns_that_the_stage_declares(tmp_path: Path) -> None:
    (tmp_path / "Cubism").mkdir()
    (tmp_path / "Cubism" / "a.jpg").write_bytes(save(painting(300, 200), "JPEG"))
    (row,) = run(tmp_path, "Cubism/a.jpg")
    assert isinstance(row, dict)
    table = pa.Table.from_pylist([row], schema=stage(tmp_path).adds)
    assert set(row) == set(table.column_names) and not any(table[c].null_count for c in table.column_names)
    assert (row["width"], row["height"]) == (300, 200)
    sides = [row[f"content_{side}"] for side in ("left", "top", "right", "bottom")]
    assert sides == [0, 21, 128, 106]
    pixels = np.asarray(Image.open(io.BytesIO(row["image"])))
    assert pixels.shape == (128, 128, 3) and pixels[:14].max() == 0 and pixels[30:100].mean() > 30


def test_answers_come_one_for_one_and_in_order(tmp_path: Path) -> None:
    for number, data in enumerate([GOOD["png"][0], BAD["html"][0], GOOD["bmp"][0]]):
        (tmp_path / f"{number}.jpg").write_bytes(data)
    first, second, third = run(tmp_path, "0.jpg", "1.jpg", "2.jpg")
    assert isinstance(first, dict) and isinstance(third, dict)
    assert second == Reject("unreadable", second.message) and "web page" in second.message  # type: ignore[union-attr]


@pytest.mark.parametrize("name", BAD)
def test_a_broken_file_is_a_reject_that_names_it(name: str, tmp_path: Path) -> None:
    data, reason = BAD[name]
    (tmp_path / "x.jpg").write_bytes(data)
    (answer,) = run(tmp_path, "x.jpg")
    assert isinstance(answer, Reject)
    assert answer.reason == reason and answer.message.startswith("'x.jpg'")


def test_what_is_no_readable_file_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    for name in ("folder.jpg", "loop.jpg", "gone.jpg", "missing.jpg", "x" * 300 + ".jpg"):
        (answer,) = run(tmp_path, name)
        assert isinstance(answer, Reject), name
        assert answer.reason == "unreadable" and name in answer.message


def test_settings_reach_the_letterbox_and_the_fingerprint(tmp_path: Path) -> None:
    data = save(painting(), "PNG")
    (tmp_path / "a.png").write_bytes(data)
    (row,) = run(tmp_path, "a.png", size=100, quality=60)
    assert isinstance(row, dict) and row["image"] == letterbox(data, 100, 60).jpeg
    (answer,) = run(tmp_path, "a.png", max_pixels=100)
    assert isinstance(answer, Reject) and answer.reason == "too_large"
    plain = fingerprint(stage(tmp_path), "")
    for changes in ({"size": 100}, {"quality": 60}, {"max_pixels": 100}):
        assert fingerprint(stage(tmp_path, **changes), "") != plain
    assert fingerprint(stage(tmp_path / "moved"), "") == plain
