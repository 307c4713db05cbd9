from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from artsim_dataset import encoders
from artsim_dataset.cli import app
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.retrieval.evaluate import evaluate_retrieval
from artsim_dataset.retrieval.sources import Source, dataset_source, folder_source, smaller_cluster, word_vectors
from artsim_dataset.schema import seed_from
from tests.artsim_dataset.learning import PixelEncoder, pairs_dataset


def picture(path: Path, tone: int, name: str) -> None:
    """A noisy picture of one tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed_from(name)).normal(tone, 8, (16, 16, 3))
    Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def wikiart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two styles, two artists in each, told by how light they paint; one picture without an artist."""
    root = tmp_path_factory.mktemp("wikiart")
    for style, artists in (("Cubism", ("ann", "bob")), ("Rococo", ("cat", "dan"))):
        for at, artist in enumerate(artists):
            for k in range(10):
                tone = 40 + 60 * at + (110 if style == "Rococo" else 0)
                picture(root / style / f"{artist}_work-{k}.png", tone, f"{artist}{k}")
    picture(root / "Rococo" / "untitled.png", 200, "x")
    return root


@pytest.fixture(scope="module")
def domainnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("domainnet")
    for at, domain in enumerate(("clipart", "real", "quickdraw")):
        for name in ("cat", "dog", "Fire_Truck", "bus", "zebra", "horse"):
            for k in range(3):
                picture(root / domain / name / f"{k}.png", 50 + 100 * at, f"{domain}{name}{k}")
    return root


def sides(source: Source) -> tuple[list[str], list[str]]:
    names = np.array(source.rows.ids)[source.row]
    return names[source.query].tolist(), names[~source.query].tolist()


def test_wikiarts_layout_asks_for_artist_genre_and_artist_within_genre(wikiart: Path) -> None:
    source = folder_source(wikiart, seed=3)
    queries, database = sides(source)
    assert len(queries) == 8 and len(database) == 33 and not set(queries) & set(database)
    assert [task.name for task in source.tasks] == ["artist", "genre", "artist within genre"]
    artist = dict(zip(source.rows.ids, source.tasks[0].labels, strict=True))
    assert artist["Cubism/ann_work-3.png"] == "ann" and artist["Rococo/untitled.png"] == ""
    assert source.tasks[2].pools is not None and set(source.tasks[2].pools) == {"Cubism", "Rococo"}
    assert sides(folder_source(wikiart, seed=3)) == (queries, database) != sides(folder_source(wikiart, seed=4))


def test_domainnets_layout_divides_contents_and_leaves_quickdraw_out(domainnet: Path) -> None:
    source = folder_source(domainnet, seed=1)
    queries, database = sides(source)
    assert {name.split("/")[1] for name in queries}.isdisjoint(name.split("/")[1] for name in database)
    assert len(queries) == 6 and len(database) == 30  # one class of six, in two domains
    assert [task.name for task in source.tasks] == ["domain"]
    assert set(source.tasks[0].labels) == {"clipart", "real"}


def test_word_vectors_divide_contents_by_meaning(domainnet: Path, tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    lines = ["7 2", "cat 1 0.1", "dog 1 0.2", "zebra 0.9 0", "horse 1 0", "fire 0 1", "truck 0.1 1", "Bus 0 2", "odd"]
    file.write_text("\n".join(lines), encoding="utf-8")
    queries, database = sides(folder_source(domainnet, seed=1, vectors=file))
    assert {name.split("/")[1] for name in queries} == {"Fire_Truck", "bus"}
    assert {name.split("/")[1] for name in database} == {"cat", "dog", "zebra", "horse"}
    assert word_vectors(file, ["Fire_Truck"])["Fire_Truck"] == pytest.approx([0.0498, 0.9975], abs=1e-3)
    with pytest.raises(ConfigError, match="no vector for the class 'whale', one of 1"):
        word_vectors(file, ["cat", "whale"])
    with pytest.raises(ConfigError, match="at least two classes"):
        smaller_cluster({"cat": np.ones(2)}, 1)


def test_a_data_set_is_divided_by_its_own_split_or_by_groups() -> None:
    whole = pairs_dataset(20, variants=2, artists=4)
    test = whole.select([0, 1, 6, 7])
    source = dataset_source(whole, 1, test)
    assert source.query.sum() == 2 and len(source.query) == 20
    rows = whole.to_list()
    for row in rows:
        row["group"] = "twins" if row["title"] in ("work-1", "work-2", "work-3") else row["group"]
    drawn = dataset_source(type(whole).from_list(rows, features=whole.features), 5)
    titles = np.array([rows[int(at)]["title"] for at in drawn.row])
    assert len(set(drawn.query[np.isin(titles, ["work-1", "work-2", "work-3"])])) == 1
    assert 3 <= drawn.query.sum() <= 6


def test_every_task_is_answered_and_the_pictures_are_encoded_once(wikiart: Path, tmp_path: Path) -> None:
    encoder = PixelEncoder()
    cache = EmbeddingCache(encoder, tmp_path)
    found = evaluate_retrieval(folder_source(wikiart, 3), encoder, dataset_name="wikiart", cache=cache)
    assert encoder.encoded == 41 and set(found.tasks) == {"artist", "genre", "artist within genre"}
    assert found.baseline == {} and found.tasks["artist"].queries == 8
    evaluate_retrieval(folder_source(wikiart, 4), encoder, cache=cache)
    assert encoder.encoded == 41


def test_the_command_prints_every_number_as_json(
    wikiart: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARTSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(encoders, "get_encoder", lambda name: PixelEncoder())
    done = CliRunner().invoke(app, ["evaluate", str(wikiart), "--encoder", "lite", "--protocol", "csd", "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["protocol"] == "csd" and result["tasks"]["artist"]["queries"] == 8
    names = {f"{metric}@{k}" for metric in ("csd_map", "map", "recall", "mrr", "mrr_all") for k in (1, 10, 100)}
    assert names <= set(result["tasks"]["genre"]) and names == set(result["tasks"]["genre"]["ci95"])
    shown = CliRunner().invoke(app, ["evaluate", str(wikiart), "--encoder", "lite", "--protocol", "csd"])
    assert shown.exit_code == 0 and "artist within genre" in shown.output and "csd_map@10" in shown.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--protocol", "sscd"], "no protocol 'sscd'"),
        (["--word-vectors", "x.txt"], "--protocol csd"),
        (["--protocol", "csd", "--split", "test"], "has no splits"),
        (["--protocol", "csd", "--report", "r"], "--report is for"),
        (["--protocol", "csd", "--word-vectors", "x.txt"], "has no classes"),
    ],
)
def test_options_that_do_not_go_together_are_refused(wikiart: Path, options: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["evaluate", str(wikiart), "--encoder", "lite", *options])
    assert done.exit_code == 2 and message in " ".join(done.output.split())


def test_pictures_are_seen_as_they_are_meant_to_be(tmp_path: Path) -> None:
    grey = np.full((4, 6), 100 * 257, np.uint16)
    upright, turned = np.zeros((6, 4, 3), np.uint8), Image.Exif()
    upright[:3] = 255
    turned[0x0112] = 6  # shown turned to the right
    (tmp_path / "A").mkdir()
    Image.fromarray(grey).save(tmp_path / "A" / "x_16-bit.png")
    Image.fromarray(np.rot90(upright)).save(tmp_path / "A" / "x_turned.png", exif=turned)
    Image.new("RGBA", (6, 4), (0, 0, 0, 0)).save(tmp_path / "A" / "x_clear.png")
    rows = folder_source(tmp_path, 1).rows
    seen = {rows.ids[at]: rows.content(at, "", b"") for at in range(3)}
    assert seen["A/x_16-bit.png"].getpixel((0, 0)) == (100, 100, 100)
    assert seen["A/x_clear.png"].getpixel((0, 0)) == (255, 255, 255)
    np.testing.assert_array_equal(np.asarray(seen["A/x_turned.png"]), upright)
    assert [rows.boxes[at][2:] == seen[name].size for at, name in enumerate(rows.ids)] == [True] * 3


def test_a_folder_of_another_layout_is_refused_with_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it has no pictures"):
        folder_source(tmp_path, 1)
    picture(tmp_path / "a.png", 9, "a")
    picture(tmp_path / "b" / "c_d.png", 9, "b")
    with pytest.raises(ConfigError, match=r"\[0, 1\] folders deep"):
        folder_source(tmp_path, 1)
    (tmp_path / "a.png").unlink()
    with pytest.raises(ConfigError, match="at least two pictures"):
        folder_source(tmp_path, 1)
    (tmp_path / "b" / "broken_x.jpg").write_bytes(b"no picture")
    with pytest.raises(ArtsimError, match="broken_x.jpg cannot be read"):
        folder_source(tmp_path, 1)


def test_sides_that_share_nothing_are_an_error_that_says_so(tmp_path: Path) -> None:
    for at in range(5):
        picture(tmp_path / f"Style{at}" / f"artist{at}_w.png", 50 * at, str(at))
    with pytest.raises(ConfigError, match="none of 1 queries can be answered by 4 pictures"):
        evaluate_retrieval(folder_source(tmp_path, 1), PixelEncoder(), cache=EmbeddingCache(PixelEncoder(), tmp_path))
