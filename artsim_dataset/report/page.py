"""What the pages share: the templates with one look, and three files that are written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artsim_dataset.export.writing import write_whole

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parents[1] / "templates"
MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\`*_[]|#~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": " "})


@cache
def environment() -> Environment:
    """Jinja over the folder of templates: HTML is escaped by itself, Markdown by the filter ``md``."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["md"] = markdown
    return made


def markdown(text: object) -> str:
    """Text of strangers inside Markdown: shown as it is, in one line, never obeyed.

    >>> markdown("a|b <script>")
    'a\\\\|b &lt;script&gt;'
    """
    return str(text).translate(MARKDOWN)


def write_pages(folder: Path, page: str, report: Mapping[str, Any], text: str) -> Path:
    """Writes index.html, report.json and report.md into ``folder``, made when missing; returns that of index.html."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(folder / "report.json", numbers.encode())
    write_whole(folder / "report.md", text.encode())
    write_whole(folder / "index.html", page.encode())
    return folder / "index.html"


def setting_rows(settings: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The settings as rows: part, name, value."""
    rows = []
    for part, values in settings.items():
        pairs = values.items() if isinstance(values, Mapping) else [("", values)]
        rows += [(part, name, value if isinstance(value, str) else json.dumps(value)) for name, value in pairs]
    return rows
