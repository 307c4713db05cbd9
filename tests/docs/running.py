"""Runs the blocks of a page in one folder, in order, as its reader would.

`artsim` runs in this process, through the parser and the code that the console script calls: importing torch afresh
for every line of every page would be most of the cost. Other commands go to bash, Python blocks share one namespace.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from artsim_dataset.cli import app
from builder.config import load_config
from docs.reference import root_command
from tests.docs.blocks import Block, commands
from tests.docs.rules import added, reason

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Page:
    """One page in the making. ``printed``: by what ran last; ``ran``: how many commands and blocks did.

    ``export`` sets a variable for the rest of the page.
    """

    def __init__(self, export: Callable[[str, str], None]) -> None:
        self.export = export
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.printed = ""
        self.ran = 0
        self._done: set[str] = set()

    def run(self, block: Block) -> None:
        """Runs a block, or checks one that cannot run. AssertionError says what is wrong, and where."""
        if block.mark == "file":
            Path(block.said).write_text(block.text, encoding="utf-8")
            if block.said.endswith(".py"):
                ast.parse(block.text)
            else:
                load_config(file=Path(block.said))
        elif block.mark == "output":
            same(block.text, self.printed, block.where)
        elif block.language == "python":
            self._python(block)
        elif block.language in ("bash", "console"):
            for command, expected in commands(block):
                self._command(block, command, expected)

    def _python(self, block: Block) -> None:
        code = compile(block.text, block.where, "exec", dont_inherit=True)
        if block.mark == "not run" or reason(block.text, python=True):
            return
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, self.namespace)
        self.printed = printed.getvalue()
        self.ran += 1

    def _command(self, block: Block, command: str, expected: str | None) -> None:
        check(command, block.where)
        if block.mark == "not run" or reason(command):
            return
        words = shlex.split(command, comments=True)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self.export(name, value)
            return
        if expected is None and command in self._done:
            return  # a page may show a command twice
        self._done.add(command)
        simple = words[0] == "artsim" and not set(words) & {"|", ">", "&&", ";", "2>"}
        code, self.printed = artsim([*words[1:], *added(command)]) if simple else shell(command)
        assert code == 0, f"{block.where}: `{command}` exited with {code}:\n{self.printed[-3000:]}"
        self.ran += 1
        if expected and block.mark == "other paintings":
            labels(expected, self.printed, block.where)
        elif expected:
            same(expected, self.printed, block.where)


def artsim(arguments: list[str]) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments, prog_name="artsim")
    return result.exit_code, result.output


def shell(command: str) -> tuple[int, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=100,
                          env=os.environ | {"PATH": path})  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def same(expected: str, printed: str, where: str) -> None:
    """Equal, but for blanks and for what `...` stands for."""
    checker = doctest.OutputChecker()
    told = f"{where}: the page shows\n{expected}\nand here it prints\n{printed[-3000:]}"
    assert checker.check_output(expected.strip() + "\n", printed.strip() + "\n", _FLAGS), told


def labels(expected: str, printed: str, where: str) -> None:
    """What stands in front of the numbers is there, line for line in order: for output on other paintings.

    A line with `...` in it is passed over, since its names are of the paintings themselves.
    """
    wanted = [_label(line) for line in expected.splitlines() if "..." not in line and _label(line)]
    assert wanted, f"{where}: no line of this output can be compared"
    found = iter([_label(line) for line in printed.splitlines()])
    for label in wanted:
        assert label in found, f"{where}: no line '{label}' (in this order) in\n{printed[-3000:]}"


def _label(line: str) -> str:
    """The first words of a line, between its first numbers.

    >>> _label("recall@1              0.98  0.9 to 1"), _label("my-dataset: pairs 120, triplets 98 rows")
    ('recall@', 'my-dataset: pairs')
    >>> _label("240 embeddings of 4464 numbers")
    'embeddings of'
    """
    parts = [part.split() for part in re.split(r"[\d.,]*\d", line)]
    return " ".join(next((part for part in parts if part), []))


def check(command: str, where: str) -> None:
    """The line is one that bash can read, and every `artsim` in it has the options and settings that it is given."""
    done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, f"{where}: bash cannot read `{command}`: {done.stderr}"
    for part in re.split(r"\s(?:&&|\|\|?|;)\s", command):
        words = shlex.split(part, comments=True)
        while words and re.fullmatch(r"\w+=.*", words[0]):
            words.pop(0)
        if words and words[0] == "artsim":
            _known(words[1:], f"{where}: `{part}`")


def _known(words: list[str], where: str) -> None:
    command = root_command()
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"{where}: there is no command '{words[0]}'"
        command = command.commands[words.pop(0)]
    flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    flags |= {"--help", "-h"}
    given = [word.partition("=")[0] for word in words if re.match(r"-{1,2}[a-z]", word)]
    unknown = [flag for flag in given if flag not in flags]
    assert not unknown, f"{where}: has no option {', '.join(unknown)}"
    settings = [after for flag, after in zip(words, words[1:], strict=False) if flag == "--set"]
    if settings and command.name == "build":
        preset = words[words.index("--preset") + 1] if "--preset" in words else "lite"
        load_config(preset, assignments=[s.replace("=...", "=x") for s in settings])
