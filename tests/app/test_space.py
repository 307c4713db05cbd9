"""The Hugging Face Space: started as Spaces start it, and opened."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect
from typer.main import get_command

from artsim_dataset.cli import app as commands
from tests.app.harness import no_console_errors, open_tab, visit

SPACE = Path(__file__).parents[2] / "examples" / "space"


@pytest.fixture
def space(studio: Path, tmp_path: Path) -> Iterator[str]:
    """The address of the Space, started by `python app.py` with the port in GRADIO_SERVER_PORT."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), "ARTSIM_DATASET": str(studio),
        "ARTSIM_CACHE": str(tmp_path), "PYTHONPATH": str(SPACE.parents[1])}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=SPACE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == f"http://127.0.0.1:{port}/"
    yield f"http://127.0.0.1:{port}/"
    process.terminate()
    process.wait(30)


def test_space_shows_the_data_set_of_its_setting(space: str, browser: Browser) -> None:
    seen = visit(browser, space, "desktop")
    expect(seen.page.locator("#heading")).to_contain_text("Data set: studio")
    open_tab(seen.page, "Make a variant")
    expect(seen.page.get_by_label("Prompt")).to_be_visible()
    open_tab(seen.page, "Detect")
    expect(seen.page.get_by_role("tabpanel").locator("visible=true")).to_contain_text("No detector was given")
    seen.page.close()
    no_console_errors(seen)


def test_front_matter_is_what_spaces_read() -> None:
    _, header, text = (SPACE / "README.md").read_text("utf-8").split("---\n", 2)
    facts = yaml.safe_load(header)
    assert facts["sdk"] == "gradio" and (SPACE / facts["app_file"]).is_file() and facts["license"] == "apache-2.0"
    assert facts["sdk_version"] == version("gradio")
    assert len(facts["short_description"]) <= 60  # the Hub refuses a longer one
    settings = (SPACE / "app.py").read_text("utf-8")
    assert "ARTSIM_DATASET" in text and "ARTSIM_DATASET" in settings
    assert (SPACE / "requirements.txt").read_text("utf-8").split() == ["artsim[app,train]"]


@pytest.mark.parametrize("name", ["README.md", "app.py"])
def test_the_commands_that_it_names_exist(name: str) -> None:
    named = re.findall(r"[`']artsim ([a-z]+)", (SPACE / name).read_text("utf-8"))
    assert named and set(named) <= set(get_command(commands).commands)  # type: ignore[attr-defined]
