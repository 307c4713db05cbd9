import pickle
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pytest

from artsim_dataset.images import content, encode
from builder.models import Captioner, Pixels
from builder.models.lite_caption import MeasuredCaptioner
from builder.stage import Reject, Row
from builder.stages.caption import CaptionStage
from builder.stages.recaption import RecaptionStage

LETTERBOX = {"content_left": 8, "content_top": 0, "content_right": 40, "content_bottom": 48}
log: list[str] = []


class Recorder:
    """A captioner that says what it was given."""

    batch = 16

    def caption(self, images: Sequence[Pixels], genres: Sequence[str]) -> list[str | Reject]:
        return [
            Reject("refused", "too red") if genre == "bad" else f"{image.shape[1]}x{image.shape[0]} {genre}"
            for image, genre in zip(images, genres, strict=True)
        ]


@contextmanager
def open_recorder() -> Iterator[Recorder]:
    log.append("open")
    yield Recorder()
    log.append("close")


@contextmanager
def open_measured() -> Iterator[Captioner]:
    yield MeasuredCaptioner()


def picture(seed: int = 0) -> Pixels:
    pixels = np.zeros((48, 48, 3), dtype=np.uint8)
    pixels[:, 8:40] = np.random.default_rng(seed).integers(60, 255, (48, 32, 3), dtype=np.uint8)
    return pixels


def row(number: int = 0, genre: str = "Baroque", column: str = "image", **changes: Any) -> Row:
    return {"id": str(number), column: encode(picture(number)), "genre": genre, **LETTERBOX, **changes}


def run(stage: CaptionStage | RecaptionStage, rows: list[Row]) -> list[Any]:
    with stage.open() as mapped:
        return list(mapped(iter(rows)))


def test_a_caption_is_made_of_the_content_and_the_genre() -> None:
    rows = [row(0), row(1, "Cubism")]
    assert run(CaptionStage(open_recorder, {}), rows) == [{"caption": "32x48 Baroque"}, {"caption": "32x48 Cubism"}]


def test_the_bars_are_not_described() -> None:
    (result,) = run(CaptionStage(open_measured, {}), [row()])
    inside = content(row()["image"], 8, 0, 40, 48)
    assert result == {"caption": MeasuredCaptioner().caption([inside], ["Baroque"])[0]}
    assert "portrait format" in result["caption"] and "black" not in result["caption"]


def test_rejects_take_their_rows_place() -> None:
    rows = [row(0), row(1, image=b"broken"), row(2, "bad"), row(3, content_right=400), row(4)]
    results = run(CaptionStage(open_recorder, {}), rows)
    assert [r.reason if isinstance(r, Reject) else r["caption"] for r in results] == [
        "32x48 Baroque",
        "undecodable",
        "refused",
        "undecodable",
        "32x48 Baroque",
    ]


def test_a_variant_is_captioned_from_its_pixels_alone() -> None:
    stage = RecaptionStage(open_recorder, {})
    assert "genre" not in stage.reads
    assert run(stage, [row(column="generated")]) == [{"generated_caption": "32x48 "}]
    (broken,) = run(stage, [row(column="generated", generated=b"")])
    assert isinstance(broken, Reject) and broken.reason == "undecodable"
    (measured,) = run(RecaptionStage(open_measured, {}), [row(column="generated")])
    assert measured["generated_caption"].startswith("a picture in ") and "Baroque" not in measured["generated_caption"]


@pytest.mark.parametrize("make", [CaptionStage, RecaptionStage])
def test_the_model_is_open_only_while_rows_are_mapped(make: Any) -> None:
    log.clear()
    stage = make(open_recorder, {"model": "recorder"})
    assert stage.settings() == {"model": {"model": "recorder"}} and log == []
    with stage.open():
        assert log == ["open"]
    assert log == ["open", "close"]


@pytest.mark.parametrize("make", [CaptionStage, RecaptionStage])
def test_a_stage_can_be_sent_to_a_worker(make: Any) -> None:
    stage = pickle.loads(pickle.dumps(make(open_recorder, {"revision": "1"})))
    opened: AbstractContextManager[Any] = stage.open()
    with opened:
        pass
    assert stage == make(open_recorder, {"revision": "1"})


def test_declared_columns_are_the_added_ones() -> None:
    assert CaptionStage.adds.names == ["caption"] and RecaptionStage.adds.names == ["generated_caption"]
    for stage, column in ((CaptionStage(open_recorder, {}), "image"), (RecaptionStage(open_recorder, {}), "generated")):
        (result,) = run(
            stage, [{key: value for key, value in row(column=column).items() if key in (*stage.reads, "id")}]
        )
        assert list(result) == stage.adds.names
