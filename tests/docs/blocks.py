"""The fenced blocks of a page, each with what a comment above it says of it.

<!-- file: NAME -->         the block is written to that file
<!-- not run: REASON -->    checked for syntax and options only
<!-- output -->             what the block before printed; `...` stands for anything
<!-- other paintings -->    a transcript on real paintings: what is printed here differs by names and numbers
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARKS = ("file", "not run", "output", "other paintings")
_FENCE = re.compile(r"(?ms)^```(\w*)\n(.*?)^```$")
_COMMENT = re.compile(r"<!-- (.*?) -->\s*\Z")


@dataclass(frozen=True)
class Block:
    """``line``: of its first line in the page. ``mark`` and ``said``: its comment's word and what follows the colon."""

    page: Path
    line: int
    language: str
    text: str
    mark: str = ""
    said: str = ""

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page with blocks that its reader may run; the reference is generated and tested on its own."""
    found = [ROOT / "README.md", ROOT / "README.es.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if "reference" not in page.parts]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        comment = _COMMENT.search(text, 0, fence.start())
        mark, _, said = comment[1].partition(": ") if comment else ("", "", "")
        line = text.count("\n", 0, fence.start()) + 2
        known = mark in MARKS
        found.append(Block(page, line, fence[1], fence[2], mark if known else "", said.strip() if known else ""))
    return found


def commands(block: Block) -> list[tuple[str, str | None]]:
    """The commands of a shell block, each with its expected output in a transcript and None in a script."""
    text = re.sub(r"\\\n\s*", "", block.text)
    if block.language == "bash":
        return [(line.strip(), None) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found: list[tuple[str, str | None]] = []
    for part in re.split(r"(?m)^\$ ", text)[1:]:
        command, _, output = part.partition("\n")
        found.append((command.strip(), output))
    return found
