"""What holds for all pages: links lead somewhere, the reference is current, Spanish agrees with English."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from artsim_dataset.cli import PIPELINE
from docs import reference
from tests.docs.blocks import ROOT, blocks, pages

ENGLISH, SPANISH = (ROOT / name for name in ("README.md", "README.es.md"))
ALL = [*pages(), *sorted((ROOT / "docs" / "reference").glob("*.md"))]


def test_reference_is_what_the_code_says_now() -> None:
    stale = [n for n, text in reference.pages().items() if (reference.PAGES / n).read_text(encoding="utf-8") != text]
    assert not stale, f"not up to date, run `make docs`: {stale}"
    assert {path.name for path in reference.PAGES.iterdir()} == set(reference.pages())


def test_reference_is_written_the_same_in_another_process_and_at_another_width(tmp_path: Path) -> None:
    """In another folder, with another width of the terminal and another seed of hashes."""
    code = "import hashlib, sys; sys.path.insert(0, sys.argv[1]); from docs import reference\n"
    code += "print(hashlib.sha256(repr(sorted(reference.pages().items())).encode()).hexdigest())"
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERMINAL_WIDTH": "40", "COLUMNS": "40"}
    seen = {
        subprocess.run([sys.executable, "-c", code, str(ROOT)], cwd=tmp_path, env=env | {"PYTHONHASHSEED": seed},
                       capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    import hashlib

    assert seen == {hashlib.sha256(repr(sorted(reference.pages().items())).encode()).hexdigest() + "\n"}


def test_reference_has_every_command_option_and_public_name() -> None:
    import artsim_dataset

    made = reference.pages()
    for name, command in reference.walk(reference.root_command()):
        section = made["commands.md"].split(f"\n## {name}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            assert not parameter.opts[0].startswith("--") or f"`{parameter.opts[0]}`" in section or (
                parameter.opts[0] == "--help"
            ), (name, parameter.opts)  # fmt: skip
    assert [n for n in PIPELINE if f"artsim {n}" not in made["commands.md"]] == []
    for name in set(artsim_dataset.__all__) - {"__version__", "LEVELS", "SCHEMA_VERSION"}:
        assert f"### {name}\n" in made["data.md"], name
    everything = "".join(made.values())
    assert not re.search(r"\b0x[0-9a-f]{6}", everything) and str(ROOT) not in everything and "/home/" not in everything


def test_page_of_metrics_defines_every_number_that_is_reported() -> None:
    import numpy as np

    from artsim_dataset.metrics.ranking import per_query
    from artsim_dataset.scores import INTERVALS

    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    retrieval = {f"{name}@k" for name in per_query(np.array([[1, 0]]), 1, np.array([1]))}
    similarity = {name.replace("@1", "@k").replace("@5", "@k") for name in INTERVALS}
    for name in retrieval | similarity | {"loss", "roc_auc", "average_precision", "eer", "tpr@fpr=1%", "ece"}:
        assert f"`{name}`" in page, name


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    text = re.sub(r"(?ms)^```.*?^```$|`[^`\n]*`", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.relative_to(ROOT)} links to {target}"
        assert not anchor or anchor in anchors(path), f"{page.relative_to(ROOT)}: {target} is no heading"


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in ALL:
        if page.is_relative_to(ROOT / "docs") and page.name != "README.md":
            assert f"]({page.relative_to(ROOT / 'docs')})" in index, page


def test_spanish_page_has_the_blocks_of_the_english_one() -> None:
    english = [(block.language, block.text) for block in blocks(ENGLISH)]
    spanish = [(block.language, block.text) for block in blocks(SPANISH)]
    assert spanish and [block for block in spanish if block not in english] == []
    assert [block for block in english if block in spanish] == spanish, "in the same order"


def section(page: Path, heading: str) -> str:
    return page.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    return [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|") and "---" not in line]


def test_spanish_results_have_the_numbers_of_the_english_ones() -> None:
    english, spanish = rows(section(ENGLISH, "Results")), rows(section(SPANISH, "Resultados"))
    numbers = [[re.findall(r"\d+\.\d+", cell) for cell in row] for row in spanish]
    assert numbers == [[re.findall(r"\d+\.\d+", cell) for cell in row] for row in english[: len(spanish)]]
    assert sum(map(bool, numbers[-1])) == 5


def test_spanish_table_of_configs_names_the_configs_and_columns_of_the_english_one() -> None:
    named = [
        [re.findall(r"`([^`]+)`", cell) for cell in row[:2]]
        for page, heading in ((ENGLISH, "Configs"), (SPANISH, "Configuraciones"))
        for row in rows(section(page, heading))
    ]
    half = len(named) // 2
    assert named[:half] == named[half:] and half == 6


def test_spanish_opening_has_the_numbers_of_the_english_one() -> None:
    def numbers(page: Path) -> set[str]:
        return set(re.findall(r"\d+", re.search(r"(?ms)^\*\*artsim .*?(?=^!)", page.read_text("utf-8"))[0]))  # type: ignore[index]

    assert numbers(SPANISH) == numbers(ENGLISH)
