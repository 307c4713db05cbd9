"""What a visitor of the repository finds beside the code."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import yaml

from artsim_dataset import __version__

ROOT = Path(__file__).parents[1]


def test_the_version_is_written_in_one_place_and_is_semantic() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    assert setup["metadata"]["version"] == "attr: artsim_dataset.version.__version__"
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", __version__)
    assert not re.search(r"^version", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert "version" not in yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))


def test_the_changelog_knows_the_version_that_comes_next() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## {__version__} " in text or re.search(rf"## Unreleased\n\n.*\b{re.escape(__version__)}\b", text)


def test_the_citation_has_what_the_format_asks_for() -> None:
    facts = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors", "license"} <= facts.keys()
    assert all(work["title"] and work["authors"] for work in facts["references"])


@pytest.mark.parametrize("template", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda p: p.stem)
def test_issue_templates_are_forms(template: Path) -> None:
    form = yaml.safe_load(template.read_text("utf-8"))
    if template.stem == "config":
        assert set(form) <= {"blank_issues_enabled", "contact_links"}
        return
    assert form["name"] and form["description"]
    assert all(field["type"] in ("textarea", "input", "dropdown", "markdown") for field in form["body"])


def test_hooks_run_the_tools_of_the_check() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
    check = (ROOT / "Makefile").read_text("utf-8")
    for hook in hooks:
        command = " ".join(hook["entry"].replace("--force-exclude", "").split())
        assert f"$(BIN)/{command}" in check
    assert (ROOT / "LICENSE").read_text("utf-8").split()[:2] == ["Apache", "License"]
