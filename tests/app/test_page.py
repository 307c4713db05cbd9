"""The page around the tabs: how it is started and stopped, and what it says when something cannot be done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from artsim_dataset.app.page import PIXEL_LIMIT, TABS, launch_options, told, uploaded
from artsim_dataset.errors import ConfigError
from tests.app.harness import Running, Visit, check_width, look, no_console_errors, open_tab, start_app, visit


def test_every_tab_opens_at_both_sizes(both: Visit) -> None:
    for title, _ in TABS:
        open_tab(both.page, title)
        expect(both.page.get_by_role("tabpanel").filter(visible=True)).to_have_count(1)
        check_width(both.page)


def test_without_a_data_set_tabs_say_how_to_start_with_one_and_ctrl_c_ends_it(tmp_path: Path, browser: Browser) -> None:
    running = start_app([], tmp_path)
    seen = visit(browser, running.address, "desktop")
    look(seen, "bare-browse")
    assert "artsim app --dataset" in seen.page.locator(".note").first.inner_text()
    open_tab(seen.page, "Compare")
    look(seen, "bare-compare")
    seen.page.close()
    no_console_errors(seen)
    assert running.stop() == 0
    assert running.log.read_text() == ""


@pytest.mark.parametrize("option", ["--dataset", "--model", "--detector"])
def test_wrong_name_is_told_at_the_start(option: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "artsim_dataset.cli", "app", option, str(tmp_path / "nothing")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2 and "nothing" in done.stderr and "Traceback" not in done.stderr


def test_taken_port_is_told(app: Running) -> None:
    port = app.address.rstrip("/").rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "artsim_dataset.cli", "app", "--port", port], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (
        2, f"artsim: port {port} is taken; choose another one: --port 0 takes any that is free\n"
    )  # fmt: skip


def test_nothing_leaves_this_machine() -> None:
    options = launch_options()
    assert not any(options[name] for name in ("share", "ssr_mode", "pwa", "mcp_server", "enable_monitoring"))
    assert "google" not in str(options["theme"]._stylesheets).lower()


def test_errors_become_sentences(caplog: pytest.LogCaptureFixture) -> None:
    def fails(error: Exception) -> None:
        raise error

    with pytest.raises(gr.Error) as known:
        told(fails)(ConfigError("no picture <b>here</b>"))
    assert known.value.message == "No picture &lt;b&gt;here&lt;/b&gt;" and not caplog.records
    with pytest.raises(gr.Error) as unknown:
        told(fails)(RuntimeError("secret path"))
    assert "secret path" not in unknown.value.message and "RuntimeError" in unknown.value.message
    assert "secret path" in caplog.text


def test_huge_picture_is_refused_by_its_header(tmp_path: Path) -> None:
    side = int(PIXEL_LIMIT**0.5) + 1
    Image.new("1", (side, side)).save(tmp_path / "huge.png")
    with pytest.raises(ConfigError, match=r"^the file huge.png has \d+ x \d+ pixels; scale it down first$"):
        uploaded(str(tmp_path / "huge.png"))
