"""Repairing names that were misread, and leaving all others alone. The table is of real names of WikiArt's list."""

# ruff: noqa: E501 - the table

from __future__ import annotations

import csv
import gzip
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artsim_dataset.schema import slug
from builder.mojibake import repair

REAL = [
    ("grã©goire-michonze", "grégoire-michonze"),
    ("joaquã\xadn-sorolla", "joaquín-sorolla"),
    ("arnold-bã¶cklin", "arnold-böcklin"),
    ("andrã©-lhote", "andré-lhote"),
    ("roger-bissiã¨re", "roger-bissière"),
    ("ferdinand-georg-waldmã¼ller", "ferdinand-georg-waldmüller"),
    ("antã³nio-de-carvalho-da-silva-porto", "antónio-de-carvalho-da-silva-porto"),
    ("mestre-ataã\xadde", "mestre-ataíde"),
    ("georges-lacombeâ\xa0", "georges-lacombe\xa0"),
]
RIGHT = [
    "São Paulo", "Ãngelo", "«Manhã»", "Manhã’s", "João—Maria", "“AMANHÔ", "Âge d’or", "Čapek Božić", "Åse", "Ålesund’s",
    "Göteborg’s Å’s", "SKOGSÅ», 1901", "Łódź", "Ñandú", "Íñigo", "Ðuro", "naïve–art", "Đorđe Andrejević Kun", "Ÿ", "îles",
    "日本の浮世絵", "葛飾 北斎", "Ιωάννης", "Кандинский", "محمود", "ליאוניד", "한국", "ไทย", "Việt Nam", "İstanbul", "🎨 ©",
    "café noir", "l’été à l’île", "Dvořák", "Ø", "ß", "¿Qué?", "12°", "vincent-van-gogh", "",
]  # fmt: skip


@pytest.mark.parametrize(("misread", "right"), REAL)
def test_real_names_of_wikiart_are_repaired(misread: str, right: str) -> None:
    assert repair(misread) == right
    assert repair(unicodedata.normalize("NFD", misread)) == right


def test_all_709_damaged_names_of_wikiart_are_repaired_and_no_other_is_touched(shared: Path) -> None:
    with gzip.open(shared / "wikiart" / "wikiart_styles.csv.gz", "rt", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    repaired = {path: repair(path) for path in paths}
    changed = {path: right for path, right in repaired.items() if path != right}
    assert len(changed) == 709 == sum(not path.isascii() for path in paths)
    letters = {char for right in changed.values() for char in right if not char.isascii()}
    assert letters == set("íöéèüó\xa0")
    assert len({slug(right) for right in repaired.values()}) == len({slug(path) for path in paths})


@pytest.mark.parametrize("name", RIGHT)
def test_right_names_stay(name: str) -> None:
    assert repair(name) == name


@pytest.mark.parametrize("name", ["GrÃ©goire", "Ã‰douard", "Å»uÅ‚awski", "Câ€™est", "AkdaÄŸ", "cÅ“ur", "ÃƒÂ©"])
def test_forms_that_kept_their_capitals_are_repaired_too(name: str) -> None:
    expected = {"GrÃ©goire": "Grégoire", "Ã‰douard": "Édouard", "Å»uÅ‚awski": "Żuławski", "Câ€™est": "C’est",
                "AkdaÄŸ": "Akdağ", "cÅ“ur": "cœur", "ÃƒÂ©": "é"}  # fmt: skip
    assert repair(name) == expected[name]


SURE = "äáâãåæçèéêìíîïðñòóôõöøùúüýþÿ"
"""Lower-case letters whose misreading cannot be a right name anywhere in a word."""


@given(st.lists(st.text(st.sampled_from(SURE + "abcxyz"), min_size=1, max_size=6), min_size=1, max_size=4))
def test_words_misread_as_latin_1_come_back(words: list[str]) -> None:
    right = "-".join(words)
    misread = right.encode().decode("latin-1")
    assert repair(misread) == right
    assert repair(misread.lower()) == right


@given(st.text())
def test_any_text_can_be_repaired_and_twice_is_once(text: str) -> None:
    once = repair(text)
    assert repair(once) == once
    assert len(once) <= len(unicodedata.normalize("NFC", text))


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_ascii_stays(text: str) -> None:
    assert repair(text) == text


@given(st.text(st.characters(categories=["L"], min_codepoint=0x100)))
def test_letters_beyond_latin_1_stay(text: str) -> None:
    assert repair(text) == unicodedata.normalize("NFC", text)
