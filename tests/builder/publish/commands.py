"""The `artsim` command in a process that stays: its imports take longer than most of what is tested here.

    with Commands(hub.env) as artsim:
        artsim("publish", "DIR", "--repo", "user/art").code

A subprocess, since the Hub's clients read HF_ENDPOINT once, when they are imported; nothing of them is patched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


class Commands:
    """Runs commands one after the other in an environment."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Commands:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def __call__(self, *args: object, **env: str) -> Done:
        """Runs ``artsim`` with arguments; ``env`` is added to its environment for this command."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"args": [str(a) for a in args], "env": env}) + "\n")
        self._process.stdin.flush()
        return Done(**json.loads(self._process.stdout.readline()))


def serve() -> None:
    from typer.testing import CliRunner

    from artsim_dataset.cli import app

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not be taken for an answer
    before = dict(os.environ)
    for line in sys.stdin:
        order = json.loads(line)
        os.environ.update(order["env"])
        result = CliRunner().invoke(app, order["args"])
        os.environ.update({name: before.get(name, "") for name in order["env"]})
        answer = {"code": result.exit_code, "out": result.stdout, "err": result.stderr}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
