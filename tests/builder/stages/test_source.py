from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from artsim_dataset.errors import ConfigError
from builder.digests import DIGESTS, add_digests
from builder.stages.source import genre_from, list_source

SHARED = Path(__file__).parents[4] / "shared" / "data"


def put(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def test_folder_gives_genre_artist_and_title_from_the_path(tmp_path: Path) -> None:
    put(tmp_path, "post impressionism/vincent-van-gogh_Starry Night.JPG")
    (entry,) = list_source(str(tmp_path)).entries
    assert entry.id == "Post_Impressionism/vincent-van-gogh_starry-night"
    assert (entry.genre, entry.artist, entry.title) == ("Post_Impressionism", "vincent-van-gogh", "Starry Night")
    assert entry.path == "post impressionism/vincent-van-gogh_Starry Night.JPG"


def test_files_that_are_no_images_are_counted_and_hidden_ones_skipped(tmp_path: Path) -> None:
    put(tmp_path, "Cubism/a_b.jpg", "Cubism/notes.txt", "list.csv", ".cache/x.jpg", "Cubism/.thumb.jpg")
    listing = list_source(str(tmp_path))
    assert [entry.path for entry in listing.entries] == ["Cubism/a_b.jpg"]
    assert dict(listing.ignored) == {".txt": 1, ".csv": 1}


def test_names_that_come_out_alike_stay_two_paintings(tmp_path: Path) -> None:
    put(tmp_path, "Cubism/a_b(1).jpg", "Cubism/a_b-1.png", "Cubism/a_b-1.jpg")
    first = {entry.path: entry.id for entry in list_source(str(tmp_path)).entries}
    assert len(set(first.values())) == 3
    put(tmp_path, "Cubism/a_c.jpg")
    assert first.items() <= {entry.path: entry.id for entry in list_source(str(tmp_path)).entries}.items()


def test_name_without_letters_still_gets_an_id(tmp_path: Path) -> None:
    put(tmp_path, "Pop_Art/🎨🎨.jpg", "Pop_Art/untitled.jpg")
    ids = [entry.id for entry in list_source(str(tmp_path)).entries]
    assert len(set(ids)) == 2 and all(len(i) > len("Pop_Art/") for i in ids)


def test_name_that_is_not_utf8_is_rejected_with_the_fix(tmp_path: Path) -> None:
    put(tmp_path, "Cubism/a_b.jpg")
    with open(os.fsencode(tmp_path) + b"/Cubism/caf\xe9.jpg", "wb") as file:
        file.write(b"x")
    listing = list_source(str(tmp_path))
    assert len(listing.entries) == 1
    assert [(r.reason, r.stage) for r in listing.rejects] == [("bad_name", "source")]


def test_loop_of_links_ends(tmp_path: Path) -> None:
    put(tmp_path, "Cubism/a_b.jpg")
    (tmp_path / "Cubism" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(list_source(str(tmp_path)).entries) == 1


def test_link_that_leaves_the_folder_is_rejected(tmp_path: Path) -> None:
    put(tmp_path, "in/Cubism/a_b.jpg", "secret.jpg")
    (tmp_path / "in" / "Cubism" / "c_d.jpg").symlink_to(tmp_path / "secret.jpg")
    listing = list_source(str(tmp_path / "in"))
    assert [entry.path for entry in listing.entries] == ["Cubism/a_b.jpg"]
    assert [r.reason for r in listing.rejects] == ["outside_root"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("gone", "does not exist"), ("empty", "no images in"), ("notes.txt", "neither a folder nor"), ("hf:a/b", "Hub")],
)
def test_source_that_cannot_be_used_is_named_with_the_fix(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    source = name if name.startswith("hf:") else str(tmp_path / name)
    with pytest.raises(ConfigError, match=message):
        list_source(source)


def test_source_of_links_only_says_that_they_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path, "real/Cubism/a_b.jpg", "real/Realism/c_d.jpg")
    (tmp_path / "linked").mkdir()
    for genre in ("Cubism", "Realism"):
        (tmp_path / "linked" / genre).symlink_to(tmp_path / "real" / genre, target_is_directory=True)
    with pytest.raises(ConfigError, match="links to folders are not followed"):
        list_source(str(tmp_path / "linked"))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_table_gives_names_as_they_are_written_and_rejects_bad_rows(tmp_path: Path, suffix: str) -> None:
    put(tmp_path, "img/1.jpg", "img/2.jpg", "out.jpg")
    rows = [
        ("1.jpg", "Ukiyo-e", "Katsushika Hokusai", "The Great Wave, off Kanagawa"),
        ("2.jpg", "['Cubism', 'Realism']", None, "=1+1"),
        (None, "Cubism", "x", "y"),
        ("../out.jpg", "Cubism", "x", "y"),
        ("3.jpg", "Cubism", "x", "y"),
        ("./1.jpg", "Cubism", "x", "y"),
    ]
    frame = pd.DataFrame(rows, columns=["file_name", "style", "artist", "painting_name"])
    table = tmp_path / f"list{suffix}"
    frame.to_csv(table, index=False) if suffix == ".csv" else frame.to_parquet(table)
    listing = list_source(str(table), root=str(tmp_path / "img"))
    assert [(e.genre, e.artist, e.title) for e in listing.entries] == [
        ("Ukiyo_e", "Katsushika Hokusai", "The Great Wave, off Kanagawa"),
        ("Cubism", "", "=1+1"),
    ]
    assert listing.entries[0].id == "Ukiyo_e/katsushika-hokusai_the-great-wave-off-kanagawa"
    assert [r.reason for r in listing.rejects] == ["empty_path", "outside_root", "missing_file", "duplicate_path"]
    assert listing.rejects[0].id == f"list{suffix} row 3"


def test_table_without_a_path_column_says_which_names_are_known(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="no column for the image path; one of: path, file_name"):
        list_source(str(tmp_path / "t.csv"))


def test_sample_is_stable_when_paintings_are_added(tmp_path: Path) -> None:
    put(tmp_path, *(f"{genre}/a_{k}.jpg" for genre in ("Cubism", "Rococo") for k in range(20)))
    few = {entry.id for entry in list_source(str(tmp_path)).entries.sample(10)}
    put(tmp_path, "Rococo/a_99.jpg")
    assert len(few & {entry.id for entry in list_source(str(tmp_path)).entries.sample(10)}) >= 9
    assert {i.split("/")[0] for i in few} == {"Cubism", "Rococo"}


def test_files_are_read_again_only_when_touched(tmp_path: Path) -> None:
    put(tmp_path, "Cubism/a_b.jpg", "Cubism/c_d.jpg")
    listing = list_source(str(tmp_path))
    first, facts = add_digests(listing, listing.entries, DIGESTS.empty_table())
    assert first[0].sha256 != first[1].sha256
    told = facts.set_column(3, "sha256", pa.array(["remembered"] * 2, pa.large_string()))
    (tmp_path / "Cubism/c_d.jpg").write_bytes(b"something else")
    again, _ = add_digests(listing, listing.entries, told)
    assert [entry.sha256 == "remembered" for entry in again] == [True, False]


def test_file_that_vanishes_becomes_a_reject(tmp_path: Path) -> None:
    put(tmp_path, "Cubism/a_b.jpg", "Cubism/c_d.jpg")
    listing = list_source(str(tmp_path))
    (tmp_path / "Cubism/a_b.jpg").unlink()
    left, _ = add_digests(listing, listing.entries, DIGESTS.empty_table())
    assert [entry.path for entry in left] == ["Cubism/c_d.jpg"]
    assert [(r.reason, r.id) for r in listing.rejects] == [("unreadable", "Cubism/a_b")]


def test_every_wikiart_folder_name_is_its_own_genre() -> None:
    from artsim_dataset.schema import GENRES

    assert [genre_from(name) for name in GENRES] == list(GENRES)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data, which a user's clone has not")
def test_real_paintings_are_the_same_by_folder_and_by_table() -> None:
    folder = list_source(str(SHARED / "paintings"))
    table = list_source(str(SHARED / "paintings.csv"))
    assert len(folder.entries) == len(table.entries) == 523
    assert len({entry.id for entry in folder.entries}) == 523
    assert {e.genre for e in folder.entries} == {e.genre for e in table.entries}


@pytest.mark.parametrize("cell", ["/home/me/secret/x.jpg", "C:\\Users\\me\\x.jpg", "{root}/Cubism/none.jpg"])
def test_rejected_rows_of_a_table_publish_no_folder_of_the_machine(tmp_path: Path, cell: str) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f"path,genre\n{cell.format(root=tmp_path)},Cubism\n")
    (reject,) = list_source(str(table), str(tmp_path)).rejects
    assert ".../" in reject.message and reject.id == "t.csv row 1"
    assert "/home" not in reject.message and "Users" not in reject.message and str(tmp_path) not in reject.message


def test_kaggles_classes_csv_is_read_as_it_comes(tmp_path: Path) -> None:
    put(tmp_path, "Abstract_Expressionism/aaron-siskind_acolman-1-1955.jpg", "Baroque/adriaen-brouwer_smokers.jpg")
    (tmp_path / "classes.csv").write_text(
        "filename,artist,genre,description,phash,width,height,genre_count,subset\n"
        "Abstract_Expressionism/aaron-siskind_acolman-1-1955.jpg,aaron siskind,['Abstract Expressionism'],acolman-1"
        "-1955,bebbeb018a7d80a8,1922,1382,1,train\n"
        "Baroque/adriaen-brouwer_smokers.jpg,adriaen brouwer,\"['Baroque', 'Northern Renaissance']\",smokers"
        ",d7d08c23d5de2d2b,1382,1746,2,test\n"
    )
    entries = {e.id: (e.genre, e.artist, e.title) for e in list_source(str(tmp_path / "classes.csv")).entries}
    assert entries == {
        "Abstract_Expressionism/aaron-siskind_acolman-1-1955": (
            "Abstract_Expressionism", "aaron siskind", "acolman-1-1955"
        ),
        "Baroque/adriaen-brouwer_smokers": ("Baroque", "adriaen brouwer", "smokers"),
    }  # fmt: skip


def test_artgans_tables_have_no_header_and_a_list_of_classes(tmp_path: Path) -> None:
    put(tmp_path, "Impressionism/claude-monet_haystacks.jpg", "Cubism/juan-gris_guitar.jpg", "Rococo/x_y.jpg")
    rows = "Impressionism/claude-monet_haystacks.jpg,{}\nCubism/juan-gris_guitar.jpg,{}\nRococo/x_y.jpg,{}\n"
    (tmp_path / "style_train.csv").write_text(rows.format(12, 7, 99))
    (tmp_path / "style_class.txt").write_text("7 Cubism\n12 Post_Impressionism\n")
    (tmp_path / "artist_val.csv").write_text(rows.format(4, 22, 99))
    (tmp_path / "artist_class.txt").write_text("4 Claude_Monet\n")
    (tmp_path / "genre_val.csv").write_text(rows.format(4, 6, 1))
    (tmp_path / "genre_class.txt").write_text("4 landscape\n6 portrait\n")

    def read(name: str) -> list[tuple[str, str]]:
        return [(e.genre, e.artist) for e in sorted(list_source(str(tmp_path / name)).entries, key=lambda e: e.path)]

    assert read("style_train.csv") == [("Cubism", "juan-gris"), ("Post_Impressionism", "claude-monet"), ("Rococo", "x")]
    assert read("artist_val.csv") == [("Cubism", "juan-gris"), ("Impressionism", "Claude Monet"), ("Rococo", "x")]
    assert read("genre_val.csv") == [("Cubism", "juan-gris"), ("Impressionism", "claude-monet"), ("Rococo", "x")]
    (tmp_path / "style_class.txt").unlink()
    assert read("style_train.csv")[1] == ("Impressionism", "claude-monet")


def test_style_is_the_genre_where_a_table_has_both(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    (tmp_path / "t.csv").write_text("path,genre,style\na.jpg,portrait,Cubism\n")
    assert [entry.genre for entry in list_source(str(tmp_path / "t.csv")).entries] == ["Cubism"]
