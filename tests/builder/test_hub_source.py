"""``hf:`` sources: data sets in the layouts of the real ones, on a local Hub, read by the real clients."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Image, Value
from PIL import Image as Pillow

from tests.hub import Hub, refuse

ROOT = Path(__file__).parents[2]
STYLES = ["Baroque", "Cubism", "Ukiyo_e"]
ARTISTS = ["Unknown Artist", "juan-gris", "katsushika-hokusai"]
GENRES = ["landscape", "portrait"]


def picture(number: int, format_: str = "JPEG", side: int = 64) -> bytes:
    """An encoded picture that no other number has."""
    pixels = np.random.default_rng(number).integers(0, 255, (8, 8, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).resize((side, side)).save(buffer, format_)
    return buffer.getvalue()


def wikiart(rows: Sequence[tuple[bytes | None, int, int, int]]) -> Dataset:
    """Rows of image, style, artist and genre in the columns of `huggan/wikiart`."""
    features = Features({
        "image": Image(), "artist": ClassLabel(names=ARTISTS), "genre": ClassLabel(names=GENRES),
        "style": ClassLabel(names=STYLES),
    })  # fmt: skip
    images = [None if data is None else {"bytes": data, "path": None} for data, *_ in rows]
    columns = {name: [row[place] for row in rows] for name, place in (("style", 1), ("artist", 2), ("genre", 3))}
    return Dataset.from_dict({"image": images, **columns}, features)


WIKIART = [(picture(n, "PNG" if n == 4 else "JPEG"), n % 3, (n + 1) % 3, n % 2) for n in range(9)]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A Hub with a data set in each layout."""
    root = tmp_path_factory.mktemp("layouts")
    with Hub() as running:
        odd = [(None, 0, 0, 0), (WIKIART[0][0], 1, 1, 0)]
        for number, rows in enumerate((WIKIART[:3], WIKIART[3:6], [*WIKIART[6:], *odd])):
            wikiart(rows).to_parquet(root / f"wikiart/data/train-{number:05d}-of-00003.parquet")
        columns = "file_name,genre,artist,painting_name,phash,description,subset"
        put(root / "blip2/images/Pop_Art/andy-warhol_banana.jpg", picture(20))
        put(root / "blip2/images/Pop_Art/roy-lichtenstein_crying-girl.jpg", picture(21))
        put(root / "blip2/images/Fauvism/henri-matisse_the-dance.jpg", picture(22))
        lines = ["Pop_Art/andy-warhol_banana.jpg,Pop Art,Andy Warhol,Banana,a1,a painting of a banana,train"]
        lines += ["Pop_Art/roy-lichtenstein_crying-girl.jpg,Pop Art,,Crying Girl,a2,a woman,train"]
        lines += ["Fauvism/henri-matisse_the-dance.jpg,Fauvism,Henri Matisse,The Dance,a3,five people,test"]
        put(root / "blip2/images/metadata.csv", "\n".join([columns, *lines]).encode())
        for number, name in enumerate(("Rococo/antoine-watteau_pierrot", "Realism/jean-millet_the-gleaners")):
            put(root / f"folder/{name}.jpg", picture(30 + number))
        Dataset.from_dict({"text": ["no picture"]}).to_parquet(root / "texts/train.parquet")
        path_only = Features({"image": Image(), "style": Value("string")})
        liar = {"image": [{"bytes": None, "path": "/etc/passwd"}, {"bytes": picture(40), "path": "a.jpg"}]}
        Dataset.from_dict({**liar, "style": ["Cubism", "Rococo"]}, path_only).to_parquet(root / "liar/train.parquet")
        for folder in sorted(path for path in root.iterdir()):
            running.api().create_repo(f"museum/{folder.name}", repo_type="dataset")
            running.api().upload_folder(repo_id=f"museum/{folder.name}", repo_type="dataset", folder_path=folder)
        yield running


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def listed(hub: Hub, *jobs: dict[str, Any], **env: str) -> list[dict[str, Any]]:
    """What each source holds, asked in a process of its own as `artsim build` is."""
    jobs_ = [{**job, "work": str(job["work"])} for job in jobs]
    done = subprocess.run(
        [sys.executable, "-m", "tests.builder.hub_driver"],
        input=json.dumps(jobs_), capture_output=True, text=True, cwd=ROOT, env={**hub.env, **env}, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def found(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Layout -> what was found in it."""
    work = tmp_path_factory.mktemp("work")
    names = ("wikiart", "blip2", "folder", "texts", "liar", "nothing")
    jobs = {name: {"source": f"hf:museum/{name}", "work": work / name} for name in names}
    jobs["two of wikiart"] = {"source": "hf:museum/wikiart", "work": work / "some", "limit": 2}
    jobs["five of wikiart"] = {"source": "hf:museum/wikiart", "work": work / "some", "limit": 5}
    return dict(zip(jobs, listed(hub, *jobs.values()), strict=True))


def facts(found: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {entry["id"]: (entry["genre"], entry["artist"], entry["title"]) for entry in found["entries"]}


def test_classes_get_their_names_and_style_is_the_genre(found: dict[str, Any]) -> None:
    expected = {}
    for data, style, artist, _ in WIKIART:
        name, sum_ = ("" if artist == 0 else ARTISTS[artist]), sha256(data).hexdigest()
        expected[sum_] = (STYLES[style], name, "", f"{STYLES[style]}/{f'{name}_' * bool(name)}{sum_[:10]}")
    seen = {Path(e["path"]).stem: (e["genre"], e["artist"], e["title"], e["id"]) for e in found["wikiart"]["entries"]}
    assert seen == expected
    assert len(set(facts(found["wikiart"]))) == 9


def test_images_are_the_bytes_of_the_data_set(found: dict[str, Any]) -> None:
    root = Path(found["wikiart"]["root"])
    assert {(root / e["path"]).read_bytes() for e in found["wikiart"]["entries"]} == {data for data, *_ in WIKIART}
    assert {Path(e["path"]).suffix for e in found["wikiart"]["entries"]} == {".jpg", ".png"}


def test_rows_that_cannot_be_used_keep_their_reason(found: dict[str, Any]) -> None:
    assert sorted(reason for _, reason in found["wikiart"]["rejects"]) == ["duplicate_path", "empty_image"]
    assert [id_ for id_, reason in found["wikiart"]["rejects"] if reason == "empty_image"] == [
        "museum/wikiart train shard 3, row 4"
    ]


def test_folder_of_images_with_metadata_is_read_by_its_columns(found: dict[str, Any]) -> None:
    assert facts(found["blip2"]) == {
        "Pop_Art/andy-warhol_banana": ("Pop_Art", "Andy Warhol", "Banana"),
        "Pop_Art/crying-girl": ("Pop_Art", "", "Crying Girl"),
        "Fauvism/henri-matisse_the-dance": ("Fauvism", "Henri Matisse", "The Dance"),
    }


def test_folder_of_images_alone_is_read_by_its_paths(found: dict[str, Any]) -> None:
    assert facts(found["folder"]) == {
        "Rococo/antoine-watteau_pierrot": ("Rococo", "antoine-watteau", "pierrot"),
        "Realism/jean-millet_the-gleaners": ("Realism", "jean-millet", "the-gleaners"),
    }


def test_data_set_that_cannot_be_used_is_named_with_the_fix(found: dict[str, Any]) -> None:
    assert found["texts"]["kind"] == "ConfigError" and "museum/texts has no column of images" in found["texts"]["error"]
    assert found["nothing"]["kind"] == "DatasetNotFound" and "no data set museum/nothing" in found["nothing"]["error"]


def test_row_that_names_a_file_of_this_machine_is_refused(found: dict[str, Any]) -> None:
    assert [reason for _, reason in found["liar"]["rejects"]] == ["outside_root"]
    assert [entry["genre"] for entry in found["liar"]["entries"]] == ["Rococo"]


def test_limit_fetches_no_more_shards_than_it_takes(found: dict[str, Any]) -> None:
    some, more = found["two of wikiart"], found["five of wikiart"]
    assert some["shards"] == [3, 1] and len(some["entries"]) < 5
    assert more["shards"][1] > 1
    assert {e["path"] for e in some["entries"]} < {e["path"] for e in more["entries"]}


def test_fetching_goes_on_after_a_fault_and_a_finished_source_needs_no_hub(
    hub: Hub, found: dict[str, Any], tmp_path: Path
) -> None:
    job = {"source": "hf:museum/wikiart", "work": tmp_path}
    broken = f"train-{2:05d}-of"
    hub.fault = lambda request: refuse(403) if broken in request.path and request.method == "GET" else None
    (stopped,) = listed(hub, job)
    assert stopped["kind"] == "ArtsimError" and "the same command goes on" in stopped["error"], stopped
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("source-*/train-*")}
    hub.fault = lambda request: None
    (done,) = listed(hub, job)
    assert facts(done) == facts(found["wikiart"])
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("source-*/train-*")}
    assert len(after) == 3 and kept.items() <= after.items()
    count = len(hub.requests)
    (again,) = listed(hub, job, HF_ENDPOINT="http://127.0.0.1:9")
    assert again == done and len(hub.requests) == count


def test_a_branch_is_pinned_when_the_build_begins(hub: Hub, tmp_path: Path) -> None:
    repo, api = "museum/moving", hub.api()
    api.create_repo(repo, repo_type="dataset")
    data = io.BytesIO()
    wikiart(WIKIART[:2]).to_parquet(data)
    api.upload_file(path_or_fileobj=data.getvalue(), path_in_repo="train.parquet", repo_id=repo, repo_type="dataset")
    job = {"source": f"hf:{repo}", "work": tmp_path / "a"}
    (before,) = listed(hub, job)
    data = io.BytesIO()
    wikiart(WIKIART[:4]).to_parquet(data)
    api.upload_file(path_or_fileobj=data.getvalue(), path_in_repo="train.parquet", repo_id=repo, repo_type="dataset")
    for images in (tmp_path / "a").glob("source-*/train-*"):
        images.unlink()  # has to be fetched again
    same, new, old = listed(
        hub, job, {**job, "work": tmp_path / "b"},
        {"source": f"hf:{repo}@{before['commit']}", "work": tmp_path / "c"},
    )  # fmt: skip
    assert facts(same) == facts(before) == facts(old) and len(facts(new)) == 4
    assert set(facts(before)) < set(facts(new))  # ids do not depend on the commit


def test_build_from_the_hub_says_where_its_paintings_are_from(hub: Hub, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "artsim_dataset.cli", "build", "--source", "hf:museum/blip2", "--out"]
    command += [str(tmp_path / "out"), "--json", "--workers", "1", "--set", "preprocess.size=64"]
    first = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=hub.env, timeout=170)
    assert first.returncode == 0, first.stderr[-2000:]
    build = json.loads((tmp_path / "out" / "build.json").read_text())
    commit = hub.api().dataset_info("museum/blip2").sha
    assert build["stages"][0]["settings"] == {"source": "hf:museum/blip2", "revision": commit}
    assert build["paintings"] == 3 and build["genres"] == {"Pop_Art": 2, "Fauvism": 1}
    offline = {**hub.env, "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    second = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=offline, timeout=170)
    assert second.returncode == 0 and json.loads(second.stdout)["changed"] is False


@pytest.mark.parametrize("source", ["hf:", "hf:wikiart", "hf:a/b/c", "hf:a/b@", "hf:../x"])
def test_what_is_no_name_of_a_data_set_is_refused(source: str, tmp_path: Path) -> None:
    from artsim_dataset.errors import ConfigError
    from builder.hub_source import find_hub_source

    with pytest.raises(ConfigError, match="names no Hub data set; give hf:owner/name"):
        find_hub_source(source, tmp_path)
