"""Broken rows of CSV and Parquet sources, by kind: the cells of a row and what must come of it."""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.builder.odd_images import painting, save
from tests.corpus.images import GOOD

COLUMNS = ("path", "genre", "artist", "title")


@dataclass(frozen=True)
class TableRow:
    """``cells`` in the order of COLUMNS; ``id`` of the painting that comes of it when it is good."""

    name: str
    cells: Sequence[str | None]
    outcome: str
    id: str = ""


def table_rows() -> list[TableRow]:
    """Rows that name pictures of :func:`write_pictures`. Each good row has its own picture."""
    return [
        TableRow("plain", ("Cubism/p0.png", "Cubism", "Juan Gris", "Guitar"), GOOD, "Cubism/juan-gris_guitar"),
        TableRow("genre as a list", ("Cubism/p1.png", "['Realism', 'Cubism']", "A", "B"), GOOD, "Realism/a_b"),
        TableRow("genre empty", ("Cubism/p2.png", "", "A", "Two"), GOOD, "Cubism/a_two"),
        TableRow("genre NaN", ("Cubism/p3.png", "NaN", "A", "Three"), GOOD, "Cubism/a_three"),
        TableRow("genre null", ("Cubism/p4.png", "null", "A", "Four"), GOOD, "Cubism/a_four"),
        TableRow("genre of signs", ("Cubism/p5.png", "???", "A", "Five"), GOOD, "unknown/a_five"),
        TableRow("artist empty", ("Cubism/p6.png", "Cubism", "", "Six"), GOOD, "Cubism/six"),
        TableRow("artist NaN", ("Cubism/p7.png", "Cubism", "nan", "Seven"), GOOD, "Cubism/seven"),
        TableRow("title empty", ("Cubism/p8.png", "Cubism", "A", ""), GOOD, "Cubism/a_p8"),
        TableRow("title None", ("Cubism/p9.png", "Cubism", "A", "None"), GOOD, "Cubism/a_p9"),
        TableRow("all but the path empty", ("Cubism/p10.png", "", "", ""), GOOD, "Cubism/p10"),
        TableRow("same artist and title once", ("Cubism/p11.png", "Cubism", "Twin", "Same"), GOOD, "Cubism/twin_same"),
        TableRow("same artist and title twice", ("Cubism/p12.png", "Cubism", "Twin", "Same"), GOOD),
        TableRow("formula", ("Cubism/p13.png", "=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)"), GOOD, "1_1/cmd-c-calc-a0_sum-a1"),
        TableRow("mojibake", ("Cubism/p14.png", "Cubism", "GrÃ©goire", "CÃ´te d’Azur"), GOOD, "Cubism/grégoire_côte-d-azur"),
        TableRow("newline in a cell", ("Cubism/p15.png", "Cubism", "New\nLine", 'A "quoted", title'), GOOD, "Cubism/new-line_a-quoted-title"),
        TableRow("path in the names", ("Cubism/p16.png", "../../etc", "../..", "/etc/passwd"), GOOD, "etc/etc-passwd"),
        TableRow("detour inside the root", ("Cubism/../Cubism/./p17.png", "Cubism", "A", "Detour"), GOOD, "Cubism/a_detour"),
        TableRow("script in a title", ("Cubism/p18.png", "<b>", "<img src=x onerror=alert(1)>", "<script>alert(1)</script>"), GOOD, "b/img-src-x-onerror-alert-1_script-alert-1-script"),
        TableRow("path empty", ("", "Cubism", "A", "B"), "empty_path"),
        TableRow("path NaN", ("nan", "Cubism", "A", "B"), "empty_path"),
        TableRow("path of spaces", ("   ", "Cubism", "A", "B"), "empty_path"),
        TableRow("path out of the root", ("../outside/secret.png", "Cubism", "A", "B"), "outside_root"),
        TableRow("path far out of the root", ("../" * 40 + "etc/passwd", "Cubism", "A", "B"), "outside_root"),
        TableRow("absolute path", ("/etc/passwd", "Cubism", "A", "B"), "outside_root"),
        TableRow("the root itself", (".", "Cubism", "A", "B"), "outside_root"),
        TableRow("path with a zero byte", ("Cubism/p0\0.png", "Cubism", "A", "B"), "outside_root"),
        TableRow("link out of the root", ("Cubism/leak.png", "Cubism", "A", "B"), "outside_root"),
        TableRow("folder", ("Cubism", "Cubism", "A", "B"), "missing_file"),
        TableRow("missing file", ("Cubism/not-there.png", "Cubism", "A", "B"), "missing_file"),
        TableRow("path longer than any", ("x" * 5000 + ".png", "Cubism", "A", "B"), "missing_file"),
        TableRow("address", ("https://example.org/x.png", "Cubism", "A", "B"), "missing_file"),
        TableRow("formula for a path", ("=HYPERLINK(0)", "Cubism", "A", "B"), "missing_file"),
        TableRow("path twice", ("Cubism/p0.png", "Cubism", "A", "Again"), "duplicate_path"),
        TableRow("path twice, written otherwise", ("./Cubism//p0.png", "Cubism", "A", "Again"), "duplicate_path"),
        TableRow("file that is no image", ("Cubism/notes.txt", "Cubism", "Some", "Notes"), "unreadable"),
    ]  # fmt: skip


def write_pictures(root: Path, outside: Path, rows: Sequence[TableRow]) -> None:
    """What the rows name, and what they must not reach."""
    (root / "Cubism").mkdir(parents=True)
    outside.mkdir(exist_ok=True)
    for number in range(sum(row.outcome == GOOD for row in rows)):
        (root / "Cubism" / f"p{number}.png").write_bytes(save(painting(80, 60, 2000 + number), "PNG"))
    (root / "Cubism" / "notes.txt").write_text("no picture")
    (outside / "secret.png").write_bytes(save(painting(80, 60, 1), "PNG"))
    (root / "Cubism" / "leak.png").symlink_to(outside / "secret.png")


def as_csv(rows: Sequence[TableRow]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    writer.writerows(row.cells for row in rows)
    return buffer.getvalue().encode()
