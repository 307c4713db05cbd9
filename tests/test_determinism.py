"""The same input gives the same bytes whatever is around it, and new paintings leave the others alone."""

from __future__ import annotations

import json
import locale
import os
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from artsim_dataset.schema import painting_id_of
from artsim_dataset.splits import assign_splits
from artsim_dataset.triplets import Work, sample_triplets
from builder.build import build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.gallery import write_gallery
from builder.stages.prompt import draw_levels
from tests.builder.odd_images import painting, save
from tests.conftest import Silent
from tests.corpus.running import artsim

SMALL = ["--set", "preprocess.size=96", "--set", "crop.size=64"]
CONFIG = load_config(assignments=SMALL[1::2])

REVERSED = """
import os
_scandir = os.scandir

class Reversed:
    def __init__(self, path="."):
        with _scandir(path) as found:
            self.entries = reversed(sorted(found, key=lambda entry: entry.name))
    def __iter__(self): return self
    def __next__(self): return next(self.entries)
    def __enter__(self): return self
    def __exit__(self, *error): return None
    def close(self): return None

os.scandir = Reversed
"""
"""A file system that lists names backwards, put in every process by `sitecustomize`."""


def locales() -> list[str]:
    """Of this machine, the odd ones first: Turkish has another small i, German another decimal sign."""
    found = []
    for name in ("tr_TR.UTF-8", "de_DE.UTF-8", "C"):
        try:
            locale.setlocale(locale.LC_ALL, name)
            found.append(name)
        except locale.Error:
            continue
        finally:
            locale.setlocale(locale.LC_ALL, "C.UTF-8")
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """27 small paintings of the gallery, and names that are easily sorted or spelled otherwise."""
    folder = tmp_path_factory.mktemp("determinism") / "paintings"
    write_gallery(folder, per_genre=1, size=96)
    for genre in sorted(path.name for path in folder.iterdir())[10:]:
        shutil.rmtree(folder / genre)
    names = ["éa_x.png", "eb_x.png", "ÉB_x.png", "İ_i.png", "ı_I.png", "grã©goire_x.png", "Z_1.png", "z_1.png"]
    names += [unicodedata.normalize("NFD", "café_é.png"), "café_é.png"]
    for number, name in enumerate(names):
        (folder / "Cubism").mkdir(exist_ok=True)
        (folder / "Cubism" / name).write_bytes(save(painting(90, 70, 4000 + number // 2), "PNG"))
    (folder / "Cubism" / "broken_x.jpg").write_bytes(b"")
    return folder


def copied(source: Path, target: Path) -> Path:
    """The same files, made in the opposite order and at another time."""
    for path in sorted(source.rglob("*"), reverse=True):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
            os.utime(place, (1e9, 1e9))
    return target


def test_bytes_depend_on_nothing_around(source: Path, tmp_path: Path) -> None:
    """Workers, order of the file system, locale, time zone, hash seed, threads and paths, all of them other at once."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(REVERSED)
    other = copied(source, tmp_path / "un autre dossier é" / "paintings")
    root = str(Path(__file__).parents[1])
    runs = [
        (source, "1", {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}),
        (other, "3", {"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "3",
                      "PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{root}"}),
        (other, "2", {"LC_ALL": locales()[0], "TZ": "America/St_Johns", "PYTHONHASHSEED": "random"}),
    ]  # fmt: skip
    sums = []
    for number, (folder, workers, env) in enumerate(runs):
        out = tmp_path / f"out{number}" / ("deeper" if number else "")
        scratch = tmp_path / f"scratch{number}"
        scratch.mkdir()
        ran = artsim(["build", "-s", folder, "-o", out, "--workers", workers, *SMALL], scratch, env)
        assert ran.code == 0, ran.stderr
        sums.append((out / "checksums.sha256").read_text().splitlines())
    assert len(sums[0]) > 10
    assert sums[0] == sums[1]
    assert sums[0] == sums[2]


# --- what new paintings change ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """What was drawn for each variant or painting."""

    split: dict[str, str]
    level: dict[str, str]
    seed: dict[str, int]
    negative: dict[str, str]
    group: dict[str, str]


def drawn(out: Path) -> Drawn:
    split: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for file in sorted((out / "metadata").glob("*.parquet")):
        table = pq.read_table(file, columns=["id", "level", "seed", "group"]).to_pylist()
        split |= {row["id"]: file.name.partition("-")[0] for row in table}
        rows += table
    triplets = [row for file in (out / "triplets").glob("*.parquet")
                for row in pq.read_table(file, columns=["positive_id", "negative_id"]).to_pylist()]  # fmt: skip
    columns: list[dict[str, Any]] = [{row["id"]: row[name] for row in rows} for name in ("level", "seed", "group")]
    negative = {row["positive_id"]: row["negative_id"] for row in triplets}
    return Drawn(split, columns[0], columns[1], negative, columns[2])


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return sorted(id_ for id_ in before if before[id_] != after.get(id_))


@pytest.fixture(scope="module")
def grown(
    tmp_path_factory: pytest.TempPathFactory, engine: LocalEngine
) -> Iterator[tuple[Drawn, dict[str, tuple[Drawn, str]]]]:
    """Builds of 100 small paintings and of three collections with one more: what was drawn, and who is new."""
    folder = tmp_path_factory.mktemp("grown")
    for number in range(100):
        genre = ("Cubism", "Realism", "Ukiyo_e", "Rococo", "Fauvism")[number % 5]
        (folder / "source" / genre).mkdir(parents=True, exist_ok=True)
        picture = painting(80 + number % 7, 60 + number % 5, 5000 + number)
        (folder / "source" / genre / f"artist-{number % 9}_{number}.png").write_bytes(save(picture, "PNG"))
    build(str(folder / "source"), folder / "out", CONFIG, engine, Silent())
    before = drawn(folder / "out")
    with Image.open(folder / "source" / "Realism" / "artist-1_1.png") as known:
        copy = save(known.convert("RGB"), "JPEG", quality=80)
    added = {
        "another painting": ("Cubism/newcomer_x.png", save(painting(90, 60, 6000), "PNG")),
        "a new genre": ("Pop_Art/newcomer_y.png", save(painting(90, 60, 6001), "PNG")),
        "a copy of one": ("Realism/newcomer_z.jpg", copy),
    }
    after = {}
    for kind, (name, data) in added.items():
        place = folder / "source" / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
        build(str(folder / "source"), folder / "out", CONFIG, engine, Silent())
        after[kind] = drawn(folder / "out"), f"{Path(name).with_suffix('')}"
        place.unlink()
    yield before, after


ADDED = ["another painting", "a new genre", "a copy of one"]


@pytest.mark.parametrize("kind", ADDED)
def test_one_percent_more_keeps_levels_and_seeds_but_for_one_place_in_the_quota(
    grown: tuple[Drawn, dict[str, tuple[Drawn, str]]], kind: str
) -> None:
    before, (after, new) = grown[0], grown[1][kind]
    assert len(after.level) == len(before.level) + 1 == 101
    moved = changed(before.level, after.level)
    assert len(moved) <= 1 and all(id_.startswith(new.partition("/")[0]) for id_ in moved)
    assert changed(before.seed, after.seed) == moved  # a seed names its level, and nothing else of the others
    for genre, total in Counter(id_.partition("/")[0] for id_ in after.level).items():
        moderate = [id_ for id_, level in after.level.items() if level == "moderate" and id_.startswith(f"{genre}/")]
        assert len(moderate) == round(0.2 * total)


@pytest.mark.parametrize("kind", ADDED)
def test_one_percent_more_keeps_splits_but_where_a_quota_moves(
    grown: tuple[Drawn, dict[str, tuple[Drawn, str]]], kind: str
) -> None:
    before, (after, _) = grown[0], grown[1][kind]
    assert len(changed(before.split, after.split)) <= 2


@pytest.mark.parametrize("kind", ADDED)
def test_one_percent_more_keeps_triplets_but_those_that_the_new_one_stands_in(
    grown: tuple[Drawn, dict[str, tuple[Drawn, str]]], kind: str
) -> None:
    before, (after, new) = grown[0], grown[1][kind]
    moved = {painting_id_of(id_) for id_ in changed(before.split, after.split)}
    joined = {painting_id_of(id_) for id_ in changed(before.group, after.group)} | {new}
    for id_ in changed(before.negative, after.negative):
        concerned = {painting_id_of(id_), before.negative[id_], after.negative.get(id_, new)}
        assert concerned & (moved | joined), id_
    assert len(changed(before.negative, after.negative)) <= 8


def test_a_copy_joins_the_group_of_its_original_and_goes_where_it_is(
    grown: tuple[Drawn, dict[str, tuple[Drawn, str]]],
) -> None:
    before, (after, new) = grown[0], grown[1]["a copy of one"]
    original = "Realism/artist-1_1-0"
    assert after.group[f"{new}-0"] == after.group[original]
    assert after.split[f"{new}-0"] == after.split[original] == before.split[original]


def collection(seed: int, count: int, start: int = 0) -> dict[str, str]:
    genres = ["A", "B", "C", "D", "E", "F", "G"]
    return {f"{genres[n * 5 % 7]}/p{seed}-{n}": genres[n * 5 % 7] for n in range(start, start + count)}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 3))
def test_each_added_painting_moves_one_other_level_at_most(seed: int, added: int, variants: int) -> None:
    """Of its own genre; with N variants, N. The quota of each genre stays exact, which is why it cannot be none."""
    old = collection(seed, 100)
    new = old | collection(seed, added, 100)
    before, after = draw_levels(old, variants, 0.2, 42), draw_levels(new, variants, 0.2, 42)
    moved = [slot for slot in before if before[slot][0] != after[slot][0]]
    assert len(moved) <= added * variants
    assert {old[painting] for painting, _ in moved} <= {new[id_] for id_ in new.keys() - old.keys()}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_one_percent_more_moves_one_percent_of_splits_and_five_of_triplets_at_most(seed: int) -> None:
    old = collection(seed, 700)
    new = old | collection(seed, 7, 700)

    def split(of: dict[str, str]) -> dict[str, str]:
        ids = list(of)
        return dict(zip(ids, assign_splits(ids, ids, list(of.values()), [""] * len(ids), seed=42), strict=True))

    def negatives(of: dict[str, str], splits: dict[str, str]) -> dict[str, str]:
        works = {id_: Work(genre, splits[id_], id_) for id_, genre in of.items()}
        return {t.positive_id: t.negative_id for t in sample_triplets([(f"{i}-0", i) for i in of], works, 42)[0]}

    before, after = split(old), split(new)
    assert len(changed(before, after)) <= 7
    assert len(changed(negatives(old, before), negatives(new, after))) <= 35


def test_facts_of_a_build_name_no_time_and_no_machine(source: Path, tmp_path: Path, engine: LocalEngine) -> None:
    build(str(source), tmp_path / "out", load_config(assignments=SMALL[1::2], source={"limit": 4}), engine, Silent())
    text = (tmp_path / "out" / "build.json").read_text()
    assert json.loads(text)["seed"] == 42
    year = str(datetime.now(UTC).year)
    for word in (os.uname().nodename, str(tmp_path), str(source), f"{year}-", "seconds"):
        assert word not in text
