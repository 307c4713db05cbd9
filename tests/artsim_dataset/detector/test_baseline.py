from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artsim_dataset.detector.baseline import HEADER, format_baseline, format_features, read_labelled_folder
from artsim_dataset.detector.pipeline import draw_recipe
from artsim_dataset.errors import ConfigError
from tests.artsim_dataset.detector.painted import jpeg, painting

COUNT = 20
PICTURES = [painting(f"p{number}") for number in range(COUNT)]
LABELS = np.repeat([False, True], COUNT)
PAINTINGS = [*range(COUNT), *range(COUNT)]


def png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def test_features_of_a_file_are_what_it_is() -> None:
    data = io.BytesIO()
    Image.new("RGB", (64, 32)).save(data, "JPEG", quality=75, subsampling="4:2:0", progressive=True, comment=b"x")
    found = dict(zip((*HEADER, "bytes", "bits_per_pixel"), format_features(data.getvalue()), strict=True))
    assert (found["width"], found["height"], found["aspect"], found["bands"]) == (64, 32, 2, 3)
    assert (found["jpeg"], found["png"], found["progressive"], found["subsampling"]) == (1, 0, 1, 2)
    assert found["metadata"] == 1 and found["bytes"] == len(data.getvalue())
    assert found["bits_per_pixel"] == pytest.approx(8 * found["bytes"] / 2048)
    finer = dict(zip(HEADER, format_features(jpeg(Image.new("RGB", (8, 8)), 95)), strict=False))
    assert 0 < finer["luma_table"] < found["luma_table"] and 0 < finer["chroma_table"] < found["chroma_table"]
    lossless = dict(zip(HEADER, format_features(png(Image.new("L", (8, 8)))), strict=False))
    assert lossless["luma_table"] == lossless["subsampling"] == -1 and lossless["bands"] == 1
    with pytest.raises(ConfigError, match="4 bytes are no image"):
        format_features(b"text")


def test_formats_that_differ_are_found_and_after_the_pipeline_are_not() -> None:
    """The same pictures in both classes: whatever is found is format."""
    published = [*(jpeg(p.resize((150, 100)), 80) for p in PICTURES), *(png(p) for p in PICTURES)]
    raw = format_baseline(published, LABELS, PAINTINGS)
    assert raw.roc_auc["header"] == raw.roc_auc["header_and_bytes"] == 1.0 and raw.files == 2 * COUNT
    opened = [Image.open(io.BytesIO(data)) for data in published]
    piped = format_baseline(
        [draw_recipe(f"p{number}", 0, 42).encode(image) for number, image in zip(PAINTINGS, opened, strict=True)],
        LABELS, PAINTINGS,
    )  # fmt: skip
    assert piped.roc_auc["header"] == pytest.approx(0.5, abs=1e-9)
    low, high = piped.ci["header"]
    assert low == pytest.approx(0.5, abs=1e-9) == high


def test_a_difference_of_content_shows_in_bytes_and_not_in_headers() -> None:
    rough = [
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (96, 96, 3)).astype(np.uint8)) for n in range(COUNT)
    ]
    found = format_baseline([jpeg(image) for image in (*PICTURES, *rough)], LABELS, PAINTINGS)
    assert found.roc_auc["header"] == pytest.approx(0.5, abs=1e-9) and found.roc_auc["header_and_bytes"] == 1.0


def test_a_painting_is_never_in_two_folds() -> None:
    """Bytes that name the painting and nothing else: were its other file in the training folds, it would be learned,
    but labels alternate within a painting, so only leaks could move the result from chance."""
    files = [jpeg(Image.new("RGB", (40 + number, 40))) for number in PAINTINGS]
    assert format_baseline(files, LABELS, PAINTINGS).roc_auc["header"] == pytest.approx(0.5, abs=0.1)


def test_too_few_paintings_are_refused() -> None:
    files = [jpeg(picture) for picture in PICTURES[:4] * 2]
    with pytest.raises(ConfigError, match="5 source paintings of each class, got 4"):
        format_baseline(files, np.repeat([False, True], 4), [0, 1, 2, 3] * 2)


def test_a_folder_of_originals_and_variants_is_read_with_its_source_paintings(tmp_path: Path) -> None:
    for label, name in (("original", "rococo_a.jpg"), ("ai", "rococo_a_resize768_generated.jpg"), ("ai", "sub/b.png")):
        path = tmp_path / label / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    files, labels, paintings = read_labelled_folder(tmp_path)
    assert len(files) == 3 and labels.tolist() == [False, True, True] and paintings == ["rococo_a", "rococo_a", "b"]
    with pytest.raises(ConfigError, match="no files in a sub-folder 'original'"):
        read_labelled_folder(tmp_path / "ai")
