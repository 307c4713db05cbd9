"""File names, links and files that are no files, by kind: each a maker in the source folder and what must come of it.

Every maker puts something below ``root``; things outside lie in ``outside``. A kind's outcome is GOOD, a reason, or
IGNORED for what is counted as passed over.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.builder.odd_images import painting, save
from tests.corpus.images import GOOD

IGNORED = "ignored"
GENRE = "Cubism"
SECRET = b"the secret outside of the source"


@dataclass(frozen=True)
class Name:
    """``id``: of the painting or the reject that comes of it; None for what is passed over."""

    name: str
    make: Callable[[Path, Path], None]
    outcome: str
    id: str | None


def _picture(seed: int) -> bytes:
    return save(painting(80, 60, 1000 + seed), "PNG")


def _file(name: str | bytes, seed: int, folder: str = GENRE) -> Callable[[Path, Path], None]:
    def make(root: Path, outside: Path) -> None:
        path = os.path.join(os.fsencode(root / folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(_picture(seed))

    return make


def named() -> list[Name]:
    """Names that are odd but good: each comes out with this id."""
    long = "l" * 251
    cases = [
        ("newline", "new\nline_a\nb.png", "Cubism/new-line_a-b"),
        ("carriage return", "carriage\rreturn_x.png", "Cubism/carriage-return_x"),
        ("quotes", "o'neil \"jim\"_it's `so`.png", "Cubism/o-neil-jim_it-s-so"),
        ("commas and semicolons", "a,b;c_d,e;f.png", "Cubism/a-b-c_d-e-f"),
        ("emoji", "🎨 painter_🌊 wave 👩‍🎨.png", "Cubism/painter_wave"),
        ("only emoji", "🎨_🌊.png", None),
        ("right to left", "محمود_النهر.png", "Cubism/محمود_النهر"),
        ("direction override", "x\u202egnp.exe_y.png", "Cubism/x-gnp-exe_y"),
        ("255 bytes", f"{long}.png", f"Cubism/{long}"),
        ("255 bytes of three-byte letters", f"{'水' * 83}.png", f"Cubism/{'水' * 83}"),
        ("mojibake, lower-cased", "grã©goire-michonze_a.png", "Cubism/grégoire-michonze_a"),
        ("mojibake, NFD", unicodedata.normalize("NFD", "andrÃ©-lhote_b.png"), "Cubism/andré-lhote_b"),
        ("no mojibake", "são-paulo_ãngelo.png", "Cubism/são-paulo_ãngelo"),
        ("terminal escape", "\x1b[31mred\x07_x.png", "Cubism/31mred_x"),
        ("rich markup", "[red]bold[nothing]_x.png", "Cubism/red-bold-nothing_x"),
        ("formula", "=cmd|' !A0'_+1-1@x.png", "Cubism/cmd-a0_1-1-x"),
        ("percent and braces", "%s{0}${HOME}_%(x)d.png", "Cubism/s-0-home_x-d"),
        ("shell", "$(touch x);`id`&_|rm -rf *.png", "Cubism/touch-x-id_rm-rf"),
        ("dots", "_....png", None),
        ("backslashes", "a\\..\\etc_passwd.png", "Cubism/a-etc_passwd"),
        ("markup of HTML", "<script>alert(1)<%2fscript>_<b>.png", "Cubism/script-alert-1-2fscript_b"),
        ("turkish capital", "İstanbul_IŞIK.png", "Cubism/i-stanbul_işik"),
        ("reserved on Windows", "con_aux.png", "Cubism/con_aux"),
        ("no-break space", "georges-lacombe\xa0_death.png", "Cubism/georges-lacombe_death"),
        ("upper-case ending", "UPPER_CASE.PNG", "Cubism/upper_case"),
    ]
    return [Name(name, _file(file, seed), GOOD, id_) for seed, (name, file, id_) in enumerate(cases)]


def twins() -> list[Name]:
    """Two files each that come out with one id: the first in the order of paths keeps it, the other gets digits."""
    nfd = unicodedata.normalize("NFD", "café_noir.png")
    return [
        Name("NFC twin", _file("café_noir.png", 201), GOOD, None),
        Name("NFD twin", _file(nfd, 202), GOOD, "Cubism/café_noir"),
        Name("upper-case twin", _file("Twin_Case.png", 203), GOOD, "Cubism/twin_case"),
        Name("lower-case twin", _file("twin_case.png", 204), GOOD, None),
        Name("right twin of a mojibake", _file("félix_del-marle.png", 205), GOOD, None),
        Name("mojibake twin", _file("fã©lix_del-marle.png", 206), GOOD, None),
    ]


def others() -> list[Name]:
    """Links, folders, pipes, permissions."""
    return [
        Name("folder named x.jpg", _file("in_it.png", 300, "x.jpg"), GOOD, "x_jpg/in_it"),
        Name("folder of signs", _file("in_it.png", 301, "!!!"), GOOD, "unknown/in_it"),
        Name("folder with markup", _file("in_it.png", 302, "[red]<i>"), GOOD, "red_i/in_it"),
        Name("folder with mojibake", _file("in_it.png", 303, "brã¼cke"), GOOD, "brücke/in_it"),
        Name("file name that is no UTF-8", _file(b"caf\xe9_x.png", 304), "bad_name", "Cubism/caf\\udce9_x.png"),
        Name("link out of the root", _leak, "outside_root", "Cubism/leak_x.png"),
        Name("link through .. out of the root", _leak_up, "outside_root", "Cubism/leak_up.png"),
        Name("link inside", _link_inside, GOOD, "Cubism/link_inside"),
        Name("link to nothing", _dangling, "unreadable", "Cubism/link_dangling"),
        Name("link to itself", _loop, "unreadable", "Cubism/link_loop"),
        Name("folder link out of the root", _folder_leak, IGNORED, None),
        Name("folder link in a loop", _folder_loop, IGNORED, None),
        Name("pipe", _pipe, "unreadable", "Cubism/named_pipe"),
        Name("huge file of nothing", _sparse, "too_large", "Cubism/huge_sparse"),
        Name("no permission", _locked, "unreadable", "Cubism/no_permission"),
        Name("folder without permission", _locked_folder, "unreadable", "locked"),
        Name("hidden file", _file(".hidden_x.png", 305), IGNORED, None),
        Name("ending with markup", _file("note.[red]\x1b[2j", 306), IGNORED, None),
    ]


def _leak(root: Path, outside: Path) -> None:
    (outside / "secret.png").write_bytes(SECRET)
    (root / GENRE / "leak_x.png").symlink_to(outside / "secret.png")


def _leak_up(root: Path, outside: Path) -> None:
    (root / GENRE / "leak_up.png").symlink_to(Path("..") / ".." / outside.name / "secret.png")


def _link_inside(root: Path, outside: Path) -> None:
    _file("link_target.jpeg", 400, "Realism")(root, outside)
    (root / GENRE / "link_inside.png").symlink_to(Path("..") / "Realism" / "link_target.jpeg")


def _dangling(root: Path, outside: Path) -> None:
    (root / GENRE / "link_dangling.png").symlink_to("nothing-here.png")


def _loop(root: Path, outside: Path) -> None:
    (root / GENRE / "link_loop.png").symlink_to("link_loop.png")


def _folder_leak(root: Path, outside: Path) -> None:
    (outside / "folder").mkdir()
    (outside / "folder" / "other_secret.png").write_bytes(_picture(401))
    (root / "Leaking").symlink_to(outside / "folder", target_is_directory=True)


def _folder_loop(root: Path, outside: Path) -> None:
    (root / GENRE / "round").symlink_to("..", target_is_directory=True)


def _pipe(root: Path, outside: Path) -> None:
    os.mkfifo(root / GENRE / "named_pipe.png")


def _sparse(root: Path, outside: Path) -> None:
    with open(root / GENRE / "huge_sparse.tif", "wb") as file:
        file.write(b"II*\0")
        file.truncate(200 << 30)


def _locked(root: Path, outside: Path) -> None:
    _file("no_permission.png", 402)(root, outside)
    (root / GENRE / "no_permission.png").chmod(0)


def _locked_folder(root: Path, outside: Path) -> None:
    _file("in_it.png", 403, "locked")(root, outside)
    (root / "locked").chmod(0)
