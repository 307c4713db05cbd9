"""`artsim casestudy` and `artsim attribute` as a person runs them, on small data sets."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset, config
from PIL import Image
from typer.testing import CliRunner

from artsim_dataset import encoders
from artsim_dataset.cli import app
from artsim_dataset.features import STUDY_FEATURES
from artsim_dataset.schema import STUDY_COLUMNS
from tests.artsim_dataset.learning import BOX, PixelEncoder, painting, pairs_dataset, png

ARTISTS, WORKS = 4, 5


@pytest.fixture(autouse=True)
def _pixels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An encoder without weights, and caches of its own."""
    monkeypatch.setattr(encoders, "get_encoder", lambda name: PixelEncoder())
    monkeypatch.setenv("ARTSIM_CACHE", str(tmp_path / "embeddings"))
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "datasets")


def manner(artist: int, image: Image.Image) -> Image.Image:
    """Every artist has a tint that leaves little of the picture."""
    tint = np.array([(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)])[artist]
    return Image.fromarray((0.3 * np.asarray(image.convert("RGB")) + 0.7 * tint).astype(np.uint8))


def index(folder: Path) -> Path:
    rows = pairs_dataset(ARTISTS * WORKS, artists=ARTISTS).to_list()
    for row in rows:
        row["original"] = {"bytes": png(manner(int(row["artist"][-1]), painting(row["id"]))), "path": None}
    return write(folder, "pairs", Dataset.from_list(rows, features=pairs_dataset(1).features))


def study(folder: Path, faithful: bool = True) -> Path:
    rows = []
    for artist in range(ARTISTS):
        for template, subject in (("simple", ""), ("constrained1", "dog"), ("user", "")):
            for number in range(3):
                shown = manner(
                    artist if faithful else (artist + 1) % ARTISTS, painting(f"{template}{number}").crop(BOX)
                )
                row: dict[str, object] = dict.fromkeys(STUDY_COLUMNS, "")
                row |= {"id": f"{artist}/{template}-{number}", "artist": f"Artist {artist}", "template": template,
                        "subject": subject, "prompt_tokens": 1, "seed": 1,
                        "image": {"bytes": png(shown), "path": None}}  # fmt: skip
                rows.append(row)
    return write(folder, "images", Dataset.from_list(rows, features=STUDY_FEATURES["images"]))


def write(folder: Path, name: str, dataset: Dataset) -> Path:
    (folder / name).mkdir(parents=True)
    dataset.to_parquet(folder / name / "train-00000-of-00001.parquet")
    (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: {name}\n  data_files:\n  - split: train\n    path: {name}/train-*\n---\n"
    )
    (folder / "build.json").write_text("{}")
    return folder


def settings(folder: Path, **given: object) -> Path:
    path = folder / "study.yaml"
    path.write_text(json.dumps(given))
    return path


def artsim(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stderr if code else result.stdout


def test_study_gives_a_page_json_and_tables(tmp_path: Path) -> None:
    config_file = settings(tmp_path, images=str(study(tmp_path / "study")), index=str(index(tmp_path / "index")))
    text = artsim("casestudy", "--config", config_file, "--out", tmp_path / "out")
    assert text.count("present") == ARTISTS and "index.html" in text and "Left out" not in text
    told = json.loads((tmp_path / "out" / "study.json").read_text())
    assert [row["name"] for row in told["kinds"]] == ["simple", "constrained", "user"]
    assert all(row["recognised"] == 1 for row in told["artists"])
    rows = list(csv.DictReader((tmp_path / "out" / "artists.csv").open()))
    assert [row["artist"] for row in rows] == [row["artist"] for row in told["artists"]]
    assert float(rows[0]["gss_ci95_low"]) <= float(rows[0]["gss"]) <= float(rows[0]["gss_ci95_high"])
    page = (tmp_path / "out" / "index.html").read_text()
    assert f"Of {ARTISTS} artists, the style of {ARTISTS} is brought back" in page
    assert page.count("<svg") == 2 and "http" not in page and str(tmp_path / "study") not in page.split("<pre>")[0]


def test_generator_that_mixes_artists_up_is_found_out(tmp_path: Path) -> None:
    files = {"images": str(study(tmp_path / "study", faithful=False)), "index": str(index(tmp_path / "index"))}
    told = json.loads(artsim("casestudy", "-c", settings(tmp_path, **files), "-o", tmp_path / "out", "--json"))
    assert all(row["recognised"] == 0 and row["verdict"] == "absent" for row in told["artists"])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"images": "x"}, "'index': field required; settings are: images, index, model, encoder, seed"),
        ({"images": "x", "index": "y", "extra": 1}, "'extra': extra inputs are not permitted"),
        ({"images": "x", "index": "y", "model": "m", "encoder": "lite"}, "give 'model' or 'encoder', not both"),
        ([], "holds no settings"),
    ],
)
def test_faulty_settings_are_one_sentence(tmp_path: Path, given: object, sentence: str) -> None:
    (tmp_path / "study.yaml").write_text(json.dumps(given))
    assert sentence in " ".join(
        artsim("casestudy", "-c", tmp_path / "study.yaml", "-o", tmp_path / "o", code=2).split()
    )


def test_settings_that_cannot_be_read_are_one_line_that_names_the_file_once(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("images: [a\n b: c")
    for name, sentence in (("none.yaml", "No such file or directory"), ("bad.yaml", "but got ':' in line 2")):
        told = artsim("casestudy", "-c", tmp_path / name, "-o", tmp_path / "o", code=2)
        assert sentence in " ".join(told.split()) and told.count(name) == 1 and "^" not in told


def test_data_set_of_pairs_is_no_study(tmp_path: Path) -> None:
    made = index(tmp_path / "index")
    text = artsim(
        "casestudy", "-c", settings(tmp_path, images=str(made), index=str(made)), "-o", tmp_path / "o", code=2
    )
    assert "images" in text and not (tmp_path / "o").exists()


def test_image_is_attributed_to_the_artist_of_its_manner(tmp_path: Path) -> None:
    made = index(tmp_path / "index")
    manner(2, painting("new").crop(BOX)).save(tmp_path / "new.png")
    told = json.loads(artsim("attribute", tmp_path / "new.png", "--index", made, "--json"))
    (image,) = told["images"]
    assert image["answer"] == image["artists"][0]["artist"] == "artist-2" and told["quality"]["top1"] == 1
    assert image["artists"][0]["gap_ci95"][0] > 0 and len(image["nearest"]) == 3
    assert artsim("attribute", tmp_path / "new.png", "--index", made).count("artist-2") >= 2


def test_image_unlike_all_is_nobodys(tmp_path: Path) -> None:
    made = index(tmp_path / "index")
    Image.new("RGB", (64, 48), (2, 2, 2)).save(tmp_path / "dark.png")
    text = artsim("attribute", tmp_path / "dark.png", "--index", made)
    assert "none of the 4 artists" in text
