"""The page around the tabs: how it is started and stopped, and what it says when something cannot be done."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from typer.testing import CliRunner

from artsim_dataset.app.page import PIXEL_LIMIT, TABS, sentence, uploaded
from artsim_dataset.cli import app as commands
from artsim_dataset.errors import ConfigError
from tests.app.harness import Running, Visit, check_axe, check_width, look, open_tab, start_app, visit


def test_every_tab_opens_on_a_phone(phone: Visit) -> None:
    for title, _ in TABS:
        open_tab(phone.page, title)
        expect(phone.page.get_by_role("tabpanel").filter(visible=True)).to_have_count(1)
        check_width(phone.page)
        check_axe(phone.page)


def test_without_a_data_set_it_says_how_to_start_with_one_and_ctrl_c_ends_it(tmp_path: Path, browser: Browser) -> None:
    running = start_app([], tmp_path)
    seen = visit(browser, running.address, "desktop")
    expect(seen.page.locator(".note").first).to_contain_text("artsim app --dataset")
    look(seen, "bare")
    seen.page.close()
    assert running.stop() == 0
    assert running.log.read_text() == ""


@pytest.mark.parametrize("option", ["--dataset", "--model", "--detector"])
def test_wrong_name_is_told_at_the_start(option: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(commands, ["app", option, str(tmp_path / "nothing")])
    assert done.exit_code == 2 and str(tmp_path / "nothing") in done.stderr


def test_a_folder_that_is_not_there_is_told_without_asking_the_hub() -> None:
    done = CliRunner().invoke(commands, ["app", "--dataset", "nowhere", "--port", "0"])
    assert done.exit_code == 2
    assert done.stderr.startswith("artsim: nowhere does not exist;") and done.stderr.count("\n") == 1


def test_taken_port_is_told(app: Running) -> None:
    port = app.address.rstrip("/").rpartition(":")[2]
    done = CliRunner().invoke(commands, ["app", "--port", port])
    told = f"artsim: port {port} is taken; choose another one: --port 0 takes any that is free\n"
    assert (done.exit_code, done.stderr) == (2, told)


def test_errors_become_sentences(caplog: pytest.LogCaptureFixture) -> None:
    assert sentence(ConfigError("no picture here")) == "No picture here" and not caplog.records
    told = sentence(RuntimeError("secret path"))
    assert "secret path" not in told and "RuntimeError" in told
    assert "secret path" in caplog.text


def test_huge_picture_is_refused_by_its_header(tmp_path: Path) -> None:
    side = int(PIXEL_LIMIT**0.5) + 1
    Image.new("1", (side, side)).save(tmp_path / "huge.png")
    with pytest.raises(ConfigError, match=r"^the file huge.png has \d+ x \d+ pixels; scale it down first$"):
        uploaded(str(tmp_path / "huge.png"))
