"""What a browser would see of a page: parsed, not searched."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

VOID = ("meta", "link", "img", "br")


class Page(HTMLParser):
    """Tags with their attributes, text, and each <data> with its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.numbers: list[tuple[str, str, str]] = []
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append((tag, values))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "data":
            self.numbers.append((values["data-key"], values["value"], ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "data":
            key, value, text = self.numbers[-1]
            self.numbers[-1] = key, value, text + data
        if "style" not in self.open:
            self.text += data


def report_of(page: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    return loaded


def at(report: Any, path: list[Any]) -> Any:
    for key in path:
        report = report[key]
    return report


def check_structure(page: Path) -> None:
    """One file that loads nothing, whose pictures and tables can be understood without being seen."""
    seen = Page(page)
    links = [v for _, attrs in seen.tags for k, v in attrs.items() if k in ("src", "href", "srcset", "poster", "data")]
    assert links and all(link.startswith(("data:", "#")) for link in links)
    assert not {"script", "iframe", "object", "embed", "base"} & {tag for tag, _ in seen.tags}
    assert not [name for _, attrs in seen.tags for name in attrs if name.startswith("on")], "no handlers either"
    ids = [attrs["id"] for _, attrs in seen.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids), "every link leads somewhere"
    assert all(attrs.get("alt") for tag, attrs in seen.tags if tag == "img")
    assert all(attrs.get("aria-label") for tag, attrs in seen.tags if tag == "svg")
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in seen.tags if tag == "th")
    assert page.stat().st_size < 5_000_000


def check_numbers(page: Path) -> set[tuple[Any, ...]]:
    """Every number on the page stands in the JSON at the path that it names, as exactly as it is written."""
    report, numbers = report_of(page), Page(page).numbers
    for key, value, text in numbers:
        assert at(report, json.loads(key)) == json.loads(value)
        plain = text.replace(",", "").replace("\u2212", "-").removeprefix("about ")
        bound, plain = (plain[0], plain[1:]) if plain[0] in "<>" else ("", plain)
        shown = float(plain.removesuffix("\u00a0%")) / (100 if plain.endswith("%") else 1)
        if bound:
            assert float(value) < shown if bound == "<" else float(value) > shown
        else:
            digits = len(plain.removesuffix("\u00a0%").partition(".")[2]) + (2 if plain.endswith("%") else 0)
            assert abs(shown - float(value)) <= 0.500001 * 10.0**-digits, (key, text)
    return {tuple(json.loads(key)) for key, _, _ in numbers}
