"""The terminal as a person sees it: the real command in a real terminal (tmux) of 80 columns and 24 lines."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.gallery import write_gallery

ROOT = Path(__file__).parents[3]
ARTSIM = [sys.executable, "-m", "artsim_dataset.cli"]
SET = ("preprocess.size=96", "crop.size=64", "generate.kind=26-styles")
TINY = ["--limit", "12", "--workers", "1", *(word for setting in SET for word in ("--set", setting))]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    """The command with its output piped, as in a script."""
    given = {"PYTHONPATH": str(ROOT), "COLUMNS": "80", **env}
    command = [*ARTSIM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **given}, cwd="/")


class Screen:
    """A terminal of 80 x 24 with a shell in it."""

    def __init__(self, socket: Path) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        self._do("new-session", "-d", "-x", "80", "-y", "24", "env PS1='$ ' bash --norc --noprofile")

    def _do(self, *arguments: str) -> str:
        return subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, check=True, timeout=20).stdout

    def type(self, line: str) -> None:
        self._do("send-keys", "-l", line)
        self._do("send-keys", "Enter")

    def key(self, name: str) -> None:
        self._do("send-keys", name)

    def text(self, colours: bool = False) -> str:
        """The screen, and what has gone by at its top."""
        return self._do("capture-pane", "-p", "-S", "-100", *(["-e"] if colours else []))

    def until(self, seen: Callable[[str], object], seconds: float = 60) -> str:
        """The screen as soon as ``seen`` holds of it."""
        end = time.monotonic() + seconds
        while not seen(text := self.text()):
            assert time.monotonic() < end, text
            time.sleep(0.02)
        return text

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, timeout=20)


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    if not shutil.which("tmux"):
        pytest.skip("needs tmux")
    screen = Screen(tmp_path / "tmux")
    screen.type(f'export PYTHONPATH={ROOT}; cd {tmp_path}; artsim() {{ {shlex.join(ARTSIM)} "$@"; }}; clear')
    screen.until(lambda text: text.strip() == "$")
    yield screen
    screen.close()


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seen") / "paintings"
    write_gallery(folder, per_genre=1, size=96)
    return folder


def test_help_fits_the_screen_whole(screen: Screen) -> None:
    screen.type("clear; artsim --help")
    text = screen.until(lambda text: "in minutes" in text and text.rstrip().endswith("$"))
    assert text.splitlines()[0].startswith("Usage: artsim COMMAND")
    assert len(text.splitlines()) <= 24


def test_a_build_shows_a_bar_for_each_stage_and_one_for_the_whole(screen: Screen, paintings: Path) -> None:
    screen.type(f"clear; artsim build -s {paintings} -o data {shlex.join(TINY)}")
    text = screen.until(lambda text: re.search(r"generate .* [1-9][0-9]*/12", text))
    bars = [line for line in text.splitlines() if re.match(r"(whole|preprocess|style|caption|prompt|compress) ", line)]
    assert [bar.split()[0] for bar in bars] == ["whole", "preprocess", "style", "caption", "prompt", "compress"]
    assert re.fullmatch(r"whole +\S+ +6/8 +\d+ % +[-:\d]+ *", bars[0]), bars[0]
    assert all(re.fullmatch(r"\w+ +\S+ +12/12 +[\d.]+/s +[-:\d]+ *", bar) for bar in bars[1:]), bars
    done = screen.until(lambda text: "Load it:" in text)
    assert re.search(r"whole +\S+ +8/8 +100 %", done)
    assert 'load_dataset("data", "triplets")' in done


def test_ctrl_c_leaves_a_sentence_and_the_next_run_goes_on(screen: Screen, paintings: Path) -> None:
    screen.type(f"clear; artsim build -s {paintings} -o data {shlex.join(TINY)}; echo left $?")
    screen.until(lambda text: re.search(r"preprocess .* \d+/12", text))
    screen.key("C-c")
    text = screen.until(lambda text: "left 130" in text)
    assert "goes on from here" in text and "Traceback" not in text
    screen.type(f"clear; artsim build -s {paintings} -o data {shlex.join(TINY)}")
    screen.until(lambda text: "Load it:" in text)


def test_colours_are_for_those_who_want_them(screen: Screen) -> None:
    screen.type("clear; artsim bogus; NO_COLOR=1 artsim bogus")
    screen.until(lambda text: text.count("see artsim --help") == 2)
    first, second = (line for line in screen.text(colours=True).splitlines() if "no such command" in line)
    assert re.search(r"\x1b\[[0-9;]*31", first)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", second)


def test_a_pipe_gets_results_and_nothing_else(paintings: Path, tmp_path: Path) -> None:
    built = run("build", "-s", paintings, "-o", tmp_path / "data", *TINY, "--json")
    assert built.returncode == 0 and built.stderr == "", built.stderr
    assert json.loads(built.stdout)["rows"]["pairs"]
    again = run("build", "-s", paintings, "-o", tmp_path / "data", *TINY)
    assert again.stdout.startswith("Nothing to do: ") and again.stderr == ""
    assert not COLOUR.search(again.stdout)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["bogus"], "artsim: no such command 'bogus'; see artsim --help"),
        (["build"], "artsim: missing option '--source' / '-s'; see artsim build --help"),
        (["build", "-s", "x", "-o", "y", "--limit", "few"], "artsim: invalid value for '--limit': "),
        (["train", "siamese", "--nope"], "see artsim train siamese --help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_line_that_is_not_understood_gets_one_sentence(line: list[str], sentence: str) -> None:
    ended = run(*line)
    assert ended.returncode == 2 and ended.stdout == ""
    assert sentence in ended.stderr and ended.stderr.count("\n") == 1


def test_the_shell_completes_commands_and_options() -> None:
    asked = {"_ARTSIM_COMPLETE": "complete_bash", "COMP_WORDS": "artsim ev", "COMP_CWORD": "1"}
    assert run(**asked).stdout.split() == ["evaluate"]
    asked = {"_ARTSIM_COMPLETE": "complete_bash", "COMP_WORDS": "artsim build --lim", "COMP_CWORD": "2"}
    assert run(**asked).stdout.split() == ["--limit"]


STOP_WHEN = """
import atexit, signal, sys
from artsim_dataset import cli
class Finder:
    def find_spec(self, name, *_):
        if name == "builder.doctor":
            signal.raise_signal({number})
{moment}
sys.argv = ["artsim", "{line}"]
cli.main()
"""


def stopped(moment: str, number: int, line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command, with a signal in a moment that no test meets from outside."""
    (folder / "stopped.py").write_text(STOP_WHEN.format(moment=moment, number=int(number), line=line))
    command, env = [sys.executable, "-m", "stopped"], {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, env=env)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", ["the line that is read", "an import"])
def test_a_stop_before_the_work_begins_is_one_sentence_too(place: str, number: int, tmp_path: Path) -> None:
    moments = {
        "the line that is read": f"cli._Commands.resolve_command = lambda *_: signal.raise_signal({number:d})",
        "an import": "sys.meta_path.insert(0, Finder())",
    }
    done = stopped(moments[place], number, "doctor", tmp_path)
    assert done.returncode == 128 + number
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("artsim: stopped"), done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_that_comes_when_all_is_done_changes_nothing(number: int, tmp_path: Path) -> None:
    done = stopped(f"atexit.register(signal.raise_signal, {number:d})", number, "--version", tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout
