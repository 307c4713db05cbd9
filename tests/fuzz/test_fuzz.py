"""The fuzz targets under hypothesis: a few hundred inputs each, made from pieces that parsers stumble over."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.builder.odd_images import BAD, GOOD
from tests.fuzz.targets import TARGETS

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_NAMES = [
    "Ã©",
    "ã©",
    "â\xa0",
    "â€™",
    "_",
    "..",
    "/",
    "\\",
    "\0",
    "\r",
    "\n",
    "İ",
    "ß",
    "é",
    "é",
    "\u202e",
    "👩‍🎨",
    "=",
    "a",
]
_CELLS = [
    "path",
    "genre",
    "title",
    ",",
    "\n",
    "\r\n",
    '"',
    '""',
    "a.png",
    "b.png",
    "../a.png",
    "\0",
    "nan",
    "=1",
    "\ufeff",
    "é",
]
_SAID = ["Sure! ", "Here is the prompt: ", "**", "```", "\n\n", '"', "“", "Note: ", "- ", "=", "a boat on the sea. "]
_SAID += ["[INST]", "<think>", "</think>", "1) "]


def pieces(words: list[str]) -> st.SearchStrategy[bytes]:
    """Texts of such pieces with any others between them, some with a byte that is no UTF-8."""
    text = st.lists(st.one_of(st.sampled_from(words), st.text(max_size=3)), max_size=24).map("".join)
    encoded = text.map(lambda made: made.encode("utf-8", "replace"))
    return st.one_of(encoded, st.tuples(encoded, st.binary(max_size=4), encoded).map(b"".join))


@quick
@given(pieces(_NAMES))
def test_names(data: bytes) -> None:
    TARGETS["names"](data)


@quick
@given(pieces(_CELLS))
@example(b'path,genre\n"a.png\n')
@example(b"path\n\xff\xfe\0\n")
def test_csv_source(data: bytes) -> None:
    TARGETS["csv_source"](b"path,genre,title\n" + data)
    TARGETS["csv_source"](data)


@quick
@given(pieces(_SAID))
def test_cleaners(data: bytes) -> None:
    TARGETS["cleaners"](data)


@quick
@given(pieces(['"', ",", "\r", "\n", "=", " "]))
def test_csv_cells(data: bytes) -> None:
    TARGETS["csv_cells"](data)


FILES = [*(data for data, _, _ in GOOD.values()), *(data for data, _ in BAD.values())]
SMALL = [data for data in FILES if 0 < len(data) < 60_000]


@quick
@given(st.sampled_from(SMALL), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6), st.floats(0, 1))
def test_pictures(data: bytes, flips: list[tuple[float, int]], cut: float) -> None:
    """Real headers with a few bytes altered, whole or cut short."""
    altered = bytearray(data)
    for place, value in flips:
        altered[int(place * (len(altered) - 1))] = value
    TARGETS["pictures"](bytes(altered[: max(1, int(len(altered) * max(cut, 0.02)))]) if cut < 0.7 else bytes(altered))


def test_a_target_that_should_fail_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.targets.repair", lambda name: name + "x")
    with pytest.raises(AssertionError):
        TARGETS["names"](b"a")
