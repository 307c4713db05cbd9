"""A page as a reader meets it: in light and dark, at a desk and on a phone, by keyboard, on paper."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.app.harness import SIZES, check_axe, check_width


def look_at(browser: Browser, path: Path, audited: str) -> None:
    """Light at a desk and dark on a phone: asks for nothing else, and is no wider than the window.

    ``audited``: desktop or phone, where axe looks too, which takes seconds. The pages share one stylesheet, so each
    test takes another of the two.
    """
    papers = set()
    for size, scheme in (("desktop", "light"), ("phone", "dark")):
        page = opened(browser, path, size, scheme)
        check_width(page)
        if size == audited:
            check_axe(page)
        papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.context.close()
    assert len(papers) == 2, "dark is another colour than light"


def opened(browser: Browser, path: Path, size: str, scheme: str = "light") -> Page:
    """The page in a window without a network: any request but for the file itself fails the test."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    problems: list[str] = []
    home = path.as_uri()
    page.on("request", lambda asked: None if asked.url.startswith((home, "data:")) else problems.append(asked.url))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.goto(home)
    assert not problems, problems
    return page


def check_paper(browser: Browser, path: Path) -> bytes:
    """On paper a page is light in a dark room too, shows no navigation and cuts no picture in two. Returns the PDF."""
    page = opened(browser, path, "desktop", "dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    red, green, blue = page.evaluate("getComputedStyle(document.body).color.match(/\\d+/g).map(Number)")
    assert max(red, green, blue) < 80, "dark ink on white paper"
    assert page.locator("nav").is_hidden()
    breaks = page.evaluate("[...document.querySelectorAll('figure')].map(f => getComputedStyle(f).breakInside)")
    assert breaks and set(breaks) == {"avoid"}
    printed = page.pdf(format="A4")
    page.context.close()
    return printed
