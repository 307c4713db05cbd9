"""Every code block of the pages is run as its reader would, on a small drawn gallery in place of real paintings."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
from PIL import Image

from builder.gallery import write_gallery
from tests.docs.blocks import MARKS, ROOT, blocks, commands, pages
from tests.docs.rules import CANNOT, PYTHON_CANNOT, reason
from tests.docs.running import Page, artsim, check, labels, same

PAGES = {str(page.relative_to(ROOT)): page for page in pages()}
TUTORIAL = "docs/tutorial.md"
READERS = ("a.jpg", "b.jpg", "one.jpg", "other.jpg", "picture.jpg", "unknown.jpg")
"""Pictures of a reader's own that pages speak of."""


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a reader has who did the tutorial: paintings, a data set and a model made of them, pictures.

    The tutorial is run here, once, from nothing but the paintings; all other pages begin with what it left.
    """
    folder = tmp_path_factory.mktemp("docs")
    write_gallery(folder / "paintings", per_genre=8, size=96, genres=("Baroque", "Impressionism"))
    for number, path in enumerate(sorted((folder / "paintings").rglob("*.jpg"))):
        # four artists with works in both genres: in the gallery itself nobody has enough of them to be recognised by
        path.rename(path.with_name(f"artist-{'abcd'[number % 4]}_{path.stem.partition('_')[2]}.jpg"))
    first, second = sorted((folder / "paintings").rglob("*.jpg"))[:2]
    for name in READERS:
        shutil.copy(second if name in ("b.jpg", "other.jpg") else first, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARTSIM_CACHE", str(folder / "cache"))
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache" / "datasets")
        patch.chdir(folder)
        run(PAGES[TUTORIAL], patch)
        (folder / "artsim-demo").mkdir()
        for made in ("dataset", "model"):
            (folder / "artsim-demo" / made).symlink_to(folder / f"my-{made}")
        yield folder


@pytest.fixture
def world(start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same for one page, which may change it."""
    for entry in start.iterdir():
        if entry.name in ("paintings", "artsim-demo"):  # read only; a build knows its source by its real path
            (tmp_path / entry.name).symlink_to(entry)
        elif entry.name != "cache":
            copy = shutil.copytree if entry.is_dir() else shutil.copy
            copy(entry, tmp_path / entry.name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(page: Path, patch: pytest.MonkeyPatch) -> Page:
    made = Page(patch.setenv)
    for block in blocks(page):
        made.run(block)
    return made


def test_tutorial_runs_from_top_to_bottom_and_leaves_what_it_says(start: Path) -> None:
    left = (
        "my-dataset/README.md",
        "my-model/modules.json",
        "my-report/index.html",
        "processed/ai",
        "one.jpg",
        "two.jpg",
    )
    assert [name for name in left if not (start / name).exists()] == []


@pytest.mark.parametrize("name", [name for name in PAGES if name != TUTORIAL])
def test_page_runs_from_top_to_bottom(name: str, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(PAGES[name], monkeypatch)


def test_most_pages_that_teach_are_run() -> None:
    """A rule that excuses too much would leave a page that nothing checks."""
    for name in ("README.md", "docs/tutorial.md", "docs/how-to/your-own-generator.md"):
        lines = [line for block in blocks(PAGES[name]) if block.mark != "not run" for line, _ in commands(block)
                 if block.language in ("bash", "console")]  # fmt: skip
        run = [line for line in lines if reason(line) is None]
        assert len(run) >= (0.3 if name == "README.md" else 0.6) * len(lines), (name, run)


def test_every_comment_above_a_block_is_one_that_is_known() -> None:
    for page in PAGES.values():
        for block in blocks(page):
            assert block.mark != "not run" or block.said, f"{block.where}: say why it is not run"
            assert not block.mark or block.mark in MARKS


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("artsim build --sauce x --out y", "no option --sauce"),
        ("artsim bild --out y", "no command 'bild'"),
        ("artsim build --source x --out y --set prompt.variant=2", "unknown setting"),
        ("artsim build --source 'x --out y", "bash cannot read"),
        ("ls && artsim train siames x", "no command 'siames'"),
    ],
)
def test_a_wrong_command_is_noticed_even_where_it_is_not_run(command: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        check(command, "here")


def test_other_output_than_the_page_shows_is_noticed() -> None:
    same("pairs 12, ...\n", "pairs  12, triplets 3\n", "here")
    with pytest.raises(AssertionError, match="the page shows"):
        same("pairs 12", "pairs 13", "here")
    labels("recall@1  0.5\nnames ... 3\nmrr  0.7\n", "recall@1  0.9\nmrr  0.1\n", "here")
    with pytest.raises(AssertionError, match="no line 'mrr'"):
        labels("recall@1  0.5\nmrr  0.7\n", "mrr 0.1\nrecall@1  0.9\n", "here")


def test_blocks_know_their_marks_and_places(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "your-own-generator.md"
    found = blocks(page)
    assert [(b.mark, b.said) for b in found][0] == ("file", "my_generator.py")
    first = page.read_text(encoding="utf-8").splitlines()[found[0].line - 1]
    assert first == found[0].text.splitlines()[0]


def test_pictures_of_a_reader_can_be_opened(world: Path) -> None:
    assert {Image.open(name).size for name in READERS} and artsim(["--version"])[0] == 0


@pytest.mark.parametrize("name", ["generator", "encoder"])
def test_one_of_your_own_takes_under_forty_lines(name: str) -> None:
    (code,) = [b for b in blocks(PAGES[f"docs/how-to/your-own-{name}.md"]) if b.mark == "file"]
    assert len(code.text.splitlines()) < 40


def test_what_is_not_run_here_is_run_where_the_reason_says() -> None:
    for pattern, why in (*CANNOT, *PYTHON_CANNOT):
        for path in re.findall(r"tests/[\w/.]+", why):
            assert (ROOT / path.rstrip(".")).exists(), (pattern, path)
