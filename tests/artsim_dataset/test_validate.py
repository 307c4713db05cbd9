"""`artsim validate`: a good data set passes, and each kind of damage is found by the check that is for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from artsim_dataset.cli import app
from artsim_dataset.errors import ConfigError, DatasetNotFound
from artsim_dataset.validate import Validation, validate
from artsim_dataset.validate.folder import SUMS, Folder
from artsim_dataset.validate.text import KEYS, MACHINE_PATHS, MAIL, Reader
from builder.build import build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.gallery import write_gallery
from builder.models.clip_tokens import count
from tests.artsim_dataset.damage import DAMAGES, Damage
from tests.artsim_dataset.damage.images import anchor_and_negative_are_exchanged
from tests.artsim_dataset.damage.tools import again, reseal, set_cell, set_picture, shard, snapshot
from tests.artsim_dataset.multiplied import multiply
from tests.conftest import Silent
from tests.memory import python_bytes_a_row

SETTINGS = ["preprocess.size=96", "crop.size=64", "prompt.variants=2", "split.train=0.6"]


@pytest.fixture(scope="module")
def good(engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set with everything in it: two splits, hard triplets, two variants of each painting, rejects."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("good") / "dataset"
    write_gallery(source, per_genre=3, size=96)
    for genre in sorted(source.iterdir())[3:]:
        shutil.rmtree(genre)
    genre, other, _ = sorted(source.iterdir())
    for name, path in zip(("untitled", "untitled-1"), sorted(other.iterdir()), strict=False):
        path.rename(other / f"jan_{name}{path.suffix}")  # the second variant of one has the id of the other
    genre.joinpath("nobody_half.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    Image.open(min(genre.glob("*_*"))).convert("RGB").resize((120, 50)).save(genre / "jan-wide_view.png")
    build(str(source), out, load_config(assignments=SETTINGS), engine, Silent())
    shutil.rmtree(out / "work")  # as a download has none
    return out


@pytest.fixture
def damaged(good: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(good, tmp_path / "dataset"))


def told(found: Validation) -> str:
    return "\n".join(f"{finding.check} | {finding.where} | {finding.message}" for finding in found.findings)


# --- good ones ---------------------------------------------------------------------------------------------------


def test_good_data_set_passes_every_check(good: Path) -> None:
    found = validate(good, count)
    assert found.ok, told(found)
    files = [path for path in good.glob("*/*.parquet")]
    assert found.rows == sum(pq.read_metadata(path).num_rows for path in files)
    assert found.images > 100 and len(found.checks) > 50


def test_fixture_has_what_the_damages_need(good: Path) -> None:
    rows = json.loads((good / "build.json").read_text())["rows"]
    assert all(rows[config][split] > 1 for config in ("pairs", "triplets") for split in ("train", "test"))
    assert rows["triplets_hard"]["train"] > 1
    assert len((good / "rejected.csv").read_text().splitlines()) > 1


def test_downloaded_data_set_passes_with_the_files_of_git_and_of_the_hubs_client(damaged: Path) -> None:
    (damaged / ".gitattributes").write_text("*.parquet filter=lfs\n")
    (damaged / ".cache" / "huggingface").mkdir(parents=True)
    (damaged / ".cache" / "huggingface" / "x.metadata").write_text("/home/me")
    assert validate(damaged, count).ok


def test_links_as_in_the_hubs_cache_are_followed(good: Path, tmp_path: Path) -> None:
    for path in good.rglob("*"):
        if path.is_file():
            link = tmp_path / "snapshot" / path.relative_to(good)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    assert validate(tmp_path / "snapshot", count).ok


def test_shards_of_a_split_may_be_several_and_row_groups_of_any_size(damaged: Path) -> None:
    table = pq.read_table(shard(damaged, "pairs"))
    shard(damaged, "pairs").unlink()
    half = len(table) // 2
    pq.write_table(table.slice(0, half), damaged / "pairs" / "train-00000-of-00002.parquet", row_group_size=3)
    pq.write_table(table.slice(half), damaged / "pairs" / "train-00001-of-00002.parquet")
    reseal(damaged)
    found = validate(damaged, count)
    assert found.ok, told(found)


def test_footers_of_older_versions_of_datasets_pass(damaged: Path) -> None:
    path = shard(damaged, "real_vs_ai")
    table = pq.read_table(path)
    said = json.loads(table.schema.metadata[b"huggingface"])
    for feature in said["info"]["features"].values():
        feature |= {"id": None, "mode": None, "decode": True}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(said)}), path)
    reseal(damaged)
    found = validate(damaged, count)
    assert found.ok, told(found)


def test_second_variant_of_untitled_is_no_painting_called_untitled_1(good: Path) -> None:
    rows = [row for path in (good / "real_vs_ai").iterdir() for row in pq.read_table(path).to_pylist()]
    twice = [row for row in rows if row["id"].endswith("jan_untitled-1")]
    assert sorted(row["label"] for row in twice) == [0, 1]
    assert twice[0]["image"] != twice[1]["image"]


# --- damage ------------------------------------------------------------------------------------------------------


def test_there_are_many_kinds_of_damage_and_nearly_every_check_has_one(good: Path) -> None:
    assert len({damage.name for damage in DAMAGES}) == len(DAMAGES) >= 25
    assert set(validate(good, count).checks) == {damage.check for damage in DAMAGES}


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.name for damage in DAMAGES])
def test_damage_is_found_by_its_check(damage: Damage, damaged: Path) -> None:
    before = snapshot(damaged)
    damage.do(damaged)
    assert snapshot(damaged) != before, "nothing was damaged"
    if damage.sealed:
        reseal(damaged)
    found = validate(damaged, count)
    assert damage.check in found.numbers, told(found)
    assert not any("cannot be checked" in finding.message for finding in found.findings), told(found)
    if damage.sealed and "build.json" not in damage.check:
        assert not any(check.startswith("checksums") for check in found.numbers), "found because bytes differ only"


@pytest.mark.parametrize("seed", range(12))
def test_any_changed_byte_is_found_and_nothing_crashes(damaged: Path, seed: int) -> None:
    random = Random(seed)
    path = random.choice(sorted(p for p in damaged.rglob("*") if p.is_file() and p.name != SUMS))
    data = bytearray(path.read_bytes())
    for _ in range(random.choice((1, 5, 50))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    path.write_bytes(data)
    assert "checksums: same bytes" in validate(damaged, count).numbers


def test_resealing_alone_is_no_damage(damaged: Path) -> None:
    reseal(damaged)
    assert validate(damaged, count).ok


def test_broken_shard_does_not_stop_the_other_checks(damaged: Path) -> None:
    shard(damaged, "pairs").write_bytes(b"PAR1")
    set_picture(damaged, "real_vs_ai", "image", lambda data: data[:100])
    set_cell(damaged, "metadata", "provenance", "see /home/me/x")
    found = validate(damaged, count)
    assert {"parquet: can be read", "images: decode", "text: no machine path"} <= found.numbers.keys()
    assert not [check for check in found.numbers if check.startswith("triplets")], "a thousand echoes of one fault"


def test_findings_of_one_check_are_counted_all_and_kept_in_part(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artsim_dataset.validate.findings.KEPT", 2)
    (damaged / "data.csv").write_text("generated_image,prompt\n")
    found = validate(damaged, count)
    kept = [finding for finding in found.findings if finding.check == "csv: as in pairs"]
    assert len(kept) == 2 < found.numbers["csv: as in pairs"]


def test_exchanged_pictures_are_blamed_and_no_others(damaged: Path) -> None:
    anchor_and_negative_are_exchanged(damaged)
    reseal(damaged)
    first = pq.read_table(shard(damaged, "triplets"))["positive_id"][0].as_py()
    found = validate(damaged, count)
    assert {finding.where for finding in found.findings} == {f"triplets {first}"}, told(found)


@pytest.mark.parametrize("text", ["[]", "null", '{"rows": 3, "stages": [1], "rejects": {}, "settings": []}', "\x00"])
def test_strange_build_json_is_a_finding_and_no_crash(damaged: Path, text: str) -> None:
    (damaged / "build.json").write_text(text)
    reseal(damaged)
    assert "build.json: complete" in validate(damaged, count).numbers


@pytest.mark.parametrize("head", ["configs: 3", "configs: [3]", "- 1", "configs:\n- config_name: pairs", "a: 'b"])
def test_strange_card_is_a_finding_and_no_crash(damaged: Path, head: str) -> None:
    (damaged / "README.md").write_text(f"---\n{head}\n---\n# Card\n")
    reseal(damaged)
    assert any(check.startswith("card") for check in validate(damaged, count).numbers)


def test_folder_without_a_data_set_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFound, match="make one: artsim build"):
        validate(tmp_path)
    (tmp_path / "work").mkdir()
    with pytest.raises(DatasetNotFound, match="its build is not finished"):
        validate(tmp_path)
    with pytest.raises(ConfigError, match="hf download user/art --repo-type dataset"):
        validate("user/art")


# --- memory ------------------------------------------------------------------------------------------------------


def test_rows_are_not_held_in_memory(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the checks remember of a row of `pairs`, of its triplets and pictures takes 3,200 bytes in dictionaries."""
    monkeypatch.setattr("artsim_dataset.validate.tables.ROWS_AT_ONCE", 8)
    made = {multiply(good, tmp_path / f"{times}", times): tmp_path / f"{times}" for times in (5, 15)}

    def look(rows: int) -> None:
        assert validate(made[rows]).numbers.keys() == {"parquet: row counts", "rejected.csv", "build.json: counts"}

    assert python_bytes_a_row(look, *made) < 300


# --- text --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader(good: Path) -> Reader:
    return Reader(Folder(good))


@pytest.mark.parametrize(
    "text",
    [
        "black and/or white, 24/7, w/o frame, n/a",
        "https://www.wikiart.org/en/home/tmp/x and http://museum.example.org:8080/var/lib?q=/home/x",
        "https://example.org/@jane.doe, meet @noon, 3 @ 4.50, photo@2x.png",
        "Baroque/sk-smith_weltanschauung-and-other-pictures-1923-0",
        "stabilityai/stable-diffusion-xl-refiner-1.0, hf_hub, sk-learn, task-force-of-the-year-1923",
        "Title:\\nNacht <b>&amp;</b> </home> ../home/x ~/x a:b C: D:",
        "@misc{artsim, title = {x}}",
        "ratio 3:4, vol. I:/II, Homage/home/garden",
    ],
)
def test_ordinary_text_is_let_pass(reader: Reader, text: str) -> None:
    assert list(reader.look(text)) == []


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (MACHINE_PATHS, "see /home/me/x"),
        (MACHINE_PATHS, "path=/Users/me/Pictures"),
        (MACHINE_PATHS, "('/tmp/pytest-1/x')"),
        (MACHINE_PATHS, '"C:\\\\Users\\\\me"'),
        (MACHINE_PATHS, "D:\\art\\x.jpg"),
        (MACHINE_PATHS, "C:/Users/me"),
        (MACHINE_PATHS, "file:///home/me/x"),
        (MACHINE_PATHS, "\\\\server\\share\\x"),
        (MACHINE_PATHS, "https://example.org/x then /mnt/disk/x"),
        (MACHINE_PATHS, "http://localhost:8000/v1"),
        (KEYS, "sk-" + "aB3dE6gH9j" * 5),
        (KEYS, "sk-proj-ab_CD-" + "aB3dE6gH9j" * 3),
        (KEYS, "token hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567"),
        (KEYS, "key=AKIAIOSFODNN7EXAMPLE"),
        (KEYS, "ghp_" + "a1B2c3D4e5" * 4),
        (KEYS, "-----BEGIN RSA PRIVATE KEY-----"),
        (MAIL, "ask jane.doe+art@museum.example.org."),
        (MAIL, "<jane@example.org>"),
        (MAIL, "https://jane:pw@example.org/x"),
    ],
)
def test_text_that_must_not_be_published_is_found(reader: Reader, check: str, text: str) -> None:
    assert check in {found for found, _ in reader.look(text)}


def test_key_that_was_found_is_not_printed(reader: Reader) -> None:
    key = "sk-" + "aB3dE6gH9j" * 5
    assert all(key not in message for _, message in reader.look(key))


WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyzé-', .;:!?()", min_size=1, max_size=12), max_size=20)


@given(WORDS, st.sampled_from(["/home/me/x", "hf_" + "aB3" * 12, "jane@example.org"]))
def test_it_is_found_wherever_it_stands_and_words_alone_are_not(words: list[str], secret: str) -> None:
    look = Reader(Folder(Path("/nowhere/at/all"))).look
    text = " ".join(words)
    assert list(look(text)) == []
    assert list(look(f"{text} {secret} {text}"))


# --- the command -------------------------------------------------------------------------------------------------


def run(*arguments: str, code: int) -> str:
    result = CliRunner().invoke(app, ["validate", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_command_says_in_one_line_that_all_is_well(good: Path) -> None:
    said = run(str(good), code=0)
    assert said.startswith("All ") and "checks passed" in said and "images." in said and said.count("\n") == 1


def test_command_shows_a_table_of_what_is_wrong_in_80_columns(damaged: Path) -> None:
    set_picture(damaged, "pairs", "generated", lambda data: again(data, format="PNG"))
    set_cell(damaged, "triplets", "negative_id", "Rococo/" + "nobody-" * 30)
    said = run(str(damaged), code=1)
    lines = said.splitlines()
    assert all(len(line) <= 80 for line in lines), said
    assert lines[0].split() == ["check", "number", "first", "example"]
    assert "images: plain JPEG" in said and "is a PNG, not a" in said and "checks found something wrong" in lines[-2]


def test_command_gives_all_findings_as_json(damaged: Path) -> None:
    (damaged / "data.csv").write_text("generated_image,prompt\n")
    told_ = json.loads(run(str(damaged), "--json", code=1))
    assert told_["ok"] is False and told_["numbers"]["csv: as in pairs"] > 1
    assert {finding["check"] for finding in told_["findings"]} == set(told_["numbers"])


def test_command_exits_with_2_where_there_is_no_data_set(tmp_path: Path) -> None:
    assert "holds no artsim data set" in run(str(tmp_path), code=2)
