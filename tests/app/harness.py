"""What a visitor does, in headless Chromium, with the real `artsim app`: started as a process, on a port of its own.

Used by all tests of the page. A page fails its test when the browser logs an error, when anything but this machine is
asked for something, when it is wider than the window, or when axe finds a violation of WCAG 2.2, levels A and AA.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
SCREENSHOTS = Path(os.environ.get("ARTSIM_SCREENSHOTS", Path(__file__).parents[2] / ".cache" / "screenshots"))
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = {"desktop": "light", "phone": "dark"}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FADED_IN = """toast => {
  for (let part = toast; part; part = part.parentElement)
    if (getComputedStyle(part).opacity !== "1") return false;
  return toast.getAnimations({ subtree: true }).every(animation => animation.playState !== "running");
}"""
"""Messages come in slowly, and half-transparent text has no contrast."""
PATIENCE = 60_000
"""Milliseconds, a bound and no measure: the first answer of a model waits for torch to be imported."""


@dataclass(frozen=True)
class Running:
    """A started app: where it answers, its process, and the file with all it wrote."""

    address: str
    process: subprocess.Popen[str]
    log: Path

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def start_app(arguments: Sequence[str], folder: Path) -> Running:
    """`artsim app` with these arguments and a cache of its own, once it has printed its address."""
    log = folder / "app.log"
    environment = os.environ | {"ARTSIM_CACHE": str(folder / "cache"), "COLUMNS": "200"}
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "artsim_dataset.cli", "app", "--port", "0", *arguments],
            stdout=subprocess.PIPE, stderr=errors, text=True, env=environment,
        )  # fmt: skip
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    if found is None:
        process.kill()
        process.wait()
        raise AssertionError(f"artsim app did not start: {log.read_text()}")
    return Running(found.group(), process, log)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; skips the tests where Debian's chromium is not installed."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page in a window of one size, and what went wrong on it so far."""

    page: Page
    size: str
    problems: list[str] = field(default_factory=list)


def visit(browser: Browser, address: str, size: str) -> Visit:
    """Opens the app in a new window, and takes down errors of the browser and requests to other machines."""
    width, height = SIZES[size]
    scheme = "dark" if SCHEMES[size] == "dark" else "light"
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE)
    found = Visit(page, size)
    page.on("console", lambda said: found.problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: found.problems.append(str(error)))
    home = (address, "data:", "blob:")
    page.on("request", lambda asked: None if asked.url.startswith(home) else found.problems.append(asked.url))
    page.goto(address)
    expect(page.get_by_role("tab").first).to_be_visible(timeout=PATIENCE)
    return found


def open_tab(page: Page, title: str) -> None:
    """Chooses a tab as a visitor does: in the bar, or where the bar is too narrow in the menu behind its button.

    A narrow bar is laid out a moment after it is there, and a tab that was seen may be in the menu when it is clicked.
    """
    tab = page.get_by_role("tab", name=title, exact=True)
    for last in (False,) * 11 + (True,):
        patience = PATIENCE if last else PATIENCE / 12
        try:
            if tab.is_visible():
                tab.click(timeout=patience)
                expect(tab).to_have_attribute("aria-selected", "true", timeout=patience)
            else:
                page.locator(".overflow-menu > button").click(timeout=patience)
                page.locator(".overflow-dropdown button", has_text=title).click(timeout=patience)
            return
        except (Error, AssertionError):
            if last:
                raise


def check_axe(page: Page) -> None:
    """Fails with rule, element and reason of each accessibility violation that axe-core finds on the page as it is."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}}).response["violations"]
    said = [f"{v['id']}: {n['html'][:200]}: {n['failureSummary']}" for v in found for n in v["nodes"]]
    assert not said, "\n".join(said)


def check_width(page: Page) -> None:
    """Fails when the page can be scrolled sideways."""
    page_width, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert page_width <= window, f"the page is {page_width} px wide in a window of {window}"


def no_console_errors(seen: Visit) -> None:
    """Fails with what the browser logged as errors, and with requests to other machines."""
    assert not seen.problems, "\n".join(seen.problems)


def look(seen: Visit, name: str) -> None:
    """Checks the page as it is, and keeps a picture of it among the artefacts."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    seen.page.screenshot(path=SCREENSHOTS / f"{name}-{seen.size}.png", full_page=True)
    check_width(seen.page)
    check_axe(seen.page)
    no_console_errors(seen)


def said(page: Page) -> str:
    """The message that the page shows, found accessible and closed again."""
    toasts = page.locator(".toast-body.error")
    expect(toasts).to_have_count(1, timeout=PATIENCE)
    text = toasts.inner_text()
    page.wait_for_function(FADED_IN, arg=toasts.element_handle())
    check_axe(page)
    toasts.get_by_test_id("toast-close").click()
    expect(toasts).to_have_count(0)
    return text
