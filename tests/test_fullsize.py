"""The rehearsal's own parts: what it measures a command by, what it builds from, and what it would notice."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from artsim_dataset.letterbox import letterbox
from benchmarks import fullsize, wikiart
from benchmarks.watch import Cost, watched

PROGRAM = """
import sys, time
from pathlib import Path
held = b"x" * (60 << 20)
while not Path(sys.argv[1]).exists():
    sum(range(100000))
held = None
child = __import__("subprocess").run([sys.executable, "-c", "x = b'y' * (90 << 20); import time; time.sleep(0.5)"])
print("done")
"""


def test_a_command_is_measured_with_its_children_and_by_phase(tmp_path: Path) -> None:
    sign, started = tmp_path / "sign", time.monotonic()

    def phase() -> str:
        if time.monotonic() - started > 1:
            sign.touch()
        return "second" if sign.exists() else "first"

    found = watched([sys.executable, "-c", PROGRAM, str(sign)], phase=phase)
    assert found.output == "done\n" and list(found.phases) == ["first", "second"]
    assert 60 < found.phases["first"].largest < 85 < found.phases["second"].largest < 130
    assert found.phases["first"].cpu > 0
    assert found.phases["first"].resident > found.phases["first"].largest


def test_a_command_that_fails_ends_the_rehearsal_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    with pytest.raises(SystemExit, match="no such thing"):
        watched(command, log=tmp_path / "log.txt")


def test_the_stage_under_way_is_the_first_without_all_its_sidecars(tmp_path: Path) -> None:
    phase = fullsize.Phases(tmp_path)
    assert phase() == "list source"
    plan = {"folders": ["01-source", "02-preprocess-ab", "03-style-cd"], "shards": ["0", "1"]}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    for folder in ("01-source", "02-preprocess-ab"):
        (tmp_path / folder).mkdir()
    for name in ("01-source/0.json", "01-source/1.json", "02-preprocess-ab/0.json", "02-preprocess-ab/1.parquet"):
        (tmp_path / name).touch()
    assert phase() == "preprocess"
    (tmp_path / "02-preprocess-ab" / "1.json").touch()
    assert phase() == "style"
    (tmp_path / "03-style-cd").mkdir()
    for name in ("0.json", "1.json"):
        (tmp_path / "03-style-cd" / name).touch()
    assert phase() == "group and split"
    (tmp_path / "assembled" / "dataset" / "pairs").mkdir(parents=True)
    assert phase() == "write"


def test_ratios_are_of_the_last_two_sizes() -> None:
    sizes = {10: {"build": Cost(1, 2, 100)}, 20: {"build": Cost(2, 4, 110)}, 40: {"build": Cost(4, 12, 132)}}
    said = fullsize.report(sizes, {40: {"rejects": "ok: none"}})
    assert "| build | 200.0 | 200.0 | 300.0 | 1.50 | 1.0 | 2.0 | 4.0 |" in said
    assert "| build | 100.0 | 110.0 | 132.0 | 1.20 |" in said and "* 40 rows, rejects: ok: none" in said


def test_copies_look_alike_and_no_other_pictures_do() -> None:
    chosen = [f"Cubism/artist-{n % 7}_title-{n}.jpg" for n in range(40)]
    ((copy, original),) = wikiart.copies(chosen)
    assert (copy, original) == (chosen[1], chosen[0])
    hashes = [_hash(wikiart.picture(path)) for path in (*chosen[:1], *chosen[2:])]
    assert min(_apart(a, b) for n, a in enumerate(hashes) for b in hashes[:n]) > 8
    for path in chosen:
        assert _apart(_hash(wikiart.picture(path)), _hash(wikiart.copied(path))) <= 8


def _hash(picture: Image.Image) -> int:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return int(letterbox(buffer.getvalue(), 64).phash, 16)


def _apart(one: int, other: int) -> int:
    return (one ^ other).bit_count()


@pytest.mark.skipif(not wikiart.LIST.exists(), reason="needs the WikiArt list beside the checkout")
def test_the_list_is_the_published_table_but_for_two_rows(tmp_path: Path) -> None:
    chosen = wikiart.paths()
    counts = wikiart.counts(chosen)
    assert len(chosen) == 81_446 and sum(wikiart.PUBLISHED.values()) == 81_444
    card = tmp_path / "README.md"

    def write(counts: dict[str, int]) -> None:
        rows = [f"| {genre.replace(' ', '_')} | {n} | {n} |" for genre, n in counts.items()]
        card.write_text("\n".join(["| step | size |", "| genre | paintings | radical |", *rows, "| **all** | 1 | 1 |"]))

    write(counts)
    said = fullsize._genres(card, chosen)
    assert said.startswith("ok: the published table but for") and "Baroque 4241 instead of 4240" in said
    write({**counts, "Cubism": counts["Cubism"] + 1})
    assert not fullsize._genres(card, chosen).startswith("ok")
