"""What checks say: a finding names the check, where it looked and what is wrong there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

Problem = tuple[str, str]
"""Where, and what is wrong there."""

KEPT = 1000
"""Findings of one check that are kept; of a data set that is wrong in every row the number says enough."""


class Watcher(Protocol):
    """Told how many units a part of the work has, and of each few as they are done; the terminal draws it as a bar."""

    def stage(self, name: str, rows: int, done: int) -> None: ...

    def advance(self, rows: int) -> None: ...


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: found by ``check``, at ``where`` (a file, or a config and an id)."""

    check: str
    where: str
    message: str


@dataclass(frozen=True)
class Validation:
    """What was looked at and what was found.

    ``checks``: names of those that were made. ``numbers``: findings by check; ``findings`` has the first KEPT of each.
    """

    checks: tuple[str, ...]
    rows: int
    images: int
    numbers: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.numbers


class Log:
    """Collects findings, and which checks were made."""

    def __init__(self) -> None:
        self.made: dict[str, None] = {}
        self.numbers: Counter[str] = Counter()
        self.findings: list[Finding] = []

    def making(self, *checks: str) -> None:
        """Notes that these checks are made, whatever they find."""
        self.made.update(dict.fromkeys(checks))

    def add(self, check: str, where: str, message: str) -> None:
        self.made[check] = None
        self.numbers[check] += 1
        if self.numbers[check] <= KEPT:
            self.findings.append(Finding(check, where, message))

    def take(self, check: str, problems: Iterable[Problem]) -> None:
        """Makes a check. One that cannot even be made, so strange is the data, is a finding and stops no other."""
        self.making(check)
        try:
            for where, message in problems:
                self.add(check, where, message)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError) as error:
            self.add(check, "", f"cannot be checked: {type(error).__name__}: {error}")
