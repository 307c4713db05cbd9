"""What SECURITY.md promises: no code of strangers is run, nothing leaks, what is shown is shown and not obeyed."""

from __future__ import annotations

import ast
import csv
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from artsim_dataset.cli.terminal import printable, shown
from artsim_dataset.encoders import get_encoder
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import Dense, load_model, save_model
from builder.assemble import read_rejects
from builder.cells import guarded, unguarded
from builder.models.cleaning import clean_caption, clean_prompt
from builder.seal import write_rejects
from builder.stage import Reject
from tests.builder.odd_images import painting, save
from tests.corpus.running import Ran, artsim

ROOT = Path(__file__).parents[1]
FOLDERS = ("artsim_dataset", "builder", "examples", "benchmarks")
SOURCES = [*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
SMALL = ["--workers", "2", "--set", "preprocess.size=96", "--set", "crop.size=64", "--set", "generate.kind=26-styles"]
EVIL = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)>"
TOKENS = {
    "HF_TOKEN": "hf_SecretTokenOfTheTest0123456789",
    "HUGGING_FACE_HUB_TOKEN": "hf_OldSecretTokenOfTheTest98765",
    "OPENAI_API_KEY": "sk-SecretKeyOfTheTest0123456789",
}

# --- no code of strangers ----------------------------------------------------------------------------------------

_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
_NAMES = {"eval", "exec", "__import__", "compile"}
_METHODS = {"extractall", "extract", "unpack_archive", "system", "popen", "unsafe_load", "full_load", "read_pickle"}


def dangers(code: str) -> Iterator[str]:
    """What a module does that could run code of strangers, in the order of the file."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in _MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _MODULES:
            if {alias.name for alias in node.names} != {"UnpicklingError"}:  # torch.load raises it, weights_only too
                yield str(node.module)
        elif isinstance(node, ast.Call):
            yield from _dangers_of_call(node)


def _dangers_of_call(call: ast.Call) -> Iterator[str]:
    owner, name = "", ""
    if isinstance(call.func, ast.Name):
        name = call.func.id
        if name in _NAMES:
            yield name
    elif isinstance(call.func, ast.Attribute):
        name, owner = call.func.attr, ast.unparse(call.func.value)
        if name in _METHODS or (owner, name) == ("yaml", "load"):
            yield f"{owner}.{name}"
    options = {option.arg: ast.unparse(option.value) for option in call.keywords if option.arg}
    if (owner, name) == ("torch", "load") and options.get("weights_only") != "True":
        yield "torch.load"
    for option in ("shell", "trust_remote_code", "allow_pickle"):
        if options.get(option, "False") != "False":
            yield option


OUR_OWN = {"builder/ray_worker.py": ["pickle"]}
"""What only looks so: a worker tries whether its own error can be pickled, and loads the bytes of that very line."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_runs_no_code_of_strangers(path: Path) -> None:
    own = OUR_OWN.get(path.relative_to(ROOT).as_posix(), [])
    assert list(dangers(path.read_text(encoding="utf-8"))) == own


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from joblib import load", "eval(text)", "exec(text)", "torch.load(path)",
        "torch.load(path, weights_only=False)", "yaml.load(text)", "subprocess.run(line, shell=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)", "np.load(path, allow_pickle=True)",
        "tar.extractall(folder)", "shutil.unpack_archive(a)", "os.system(line)", "pd.read_pickle(path)",
        "f(trust_remote_code=wanted)",
    ],
)  # fmt: skip
def test_the_search_finds_each_danger(line: str) -> None:
    assert len(list(dangers(line))) == 1


def test_there_is_something_to_search() -> None:
    assert len(SOURCES) > 100 and not list(
        dangers("yaml.safe_load(text); torch.load(p, weights_only=True); head.eval()")
    )


class _Touch:
    """Pickled, it writes a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.marker,)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    encoder = get_encoder("lite")
    layer = Dense(np.eye(4, encoder.dim, dtype=np.float32), np.zeros(4, np.float32), False)
    save_model(tmp_path / "model", encoder, [layer], 0.1, {})
    return tmp_path / "model"


def test_trained_model_holds_data_only(model: Path) -> None:
    assert {path.suffix for path in model.rglob("*") if path.is_file()} == {".json", ".safetensors", ".md"}


def test_pickle_in_place_of_the_weights_is_refused_unrun(model: Path, tmp_path: Path) -> None:
    marker = tmp_path / "owned"
    pickle.loads(pickle.dumps(_Touch(marker)))
    assert marker.exists()  # the weapon works
    marker.unlink()
    next(model.rglob("model.safetensors")).write_bytes(pickle.dumps(_Touch(marker)))
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(_Touch(marker)))
    with pytest.raises(ConfigError, match="cannot be read"):
        load_model(model)
    assert not marker.exists()


# --- a build with strangers' names, tokens in its environment -----------------------------------------------------


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """A data set whose titles, artists and genres are HTML, made from a table with tokens in the environment."""
    folder = tmp_path_factory.mktemp("evil")
    rows = ["path,genre,artist,title"]
    for number in range(14):
        (folder / f"p{number}.png").write_bytes(save(painting(90, 70, 3000 + number), "PNG"))
        cells = [f"p{number}.png", ("Cubism", "<script>alert(0)</script>")[number % 2], EVIL, f"{EVIL} {number}"]
        rows.append(",".join('"' + cell.replace('"', '""') + '"' for cell in cells))
    (folder / "table.csv").write_text("\n".join(rows))
    ran = artsim(["--debug", "build", "-s", folder / "table.csv", "-o", folder / "out", *SMALL], folder, TOKENS)
    assert ran.code == 0, ran.stderr
    return folder, ran


def test_tokens_are_neither_printed_nor_written(evil: tuple[Path, Ran]) -> None:
    folder, ran = evil
    wrong = artsim(["--debug", "build", "-s", "nowhere", "-o", folder / "x"], folder, TOKENS)
    doctor = artsim(["doctor", "--json"], folder, TOKENS)
    assert wrong.code == 2
    printed = "".join(r.stdout + r.stderr for r in (ran, wrong, doctor)).encode()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 50
    for secret in TOKENS.values():
        assert secret.encode() not in printed
        for path in files:
            assert secret.encode() not in path.read_bytes(), path


class _Page(HTMLParser):
    """Collects what a browser would run or fetch, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.live: list[str] = []
        self.tags: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag in ("script", "iframe", "object", "embed", "base", "form"):
            self.live.append(tag)
        for name, value in attrs:
            address = (value or "").strip().lower()
            if name.startswith("on") or address.startswith(("javascript:", "http:", "https:", "//")):
                self.live.append(f"{tag} {name}={value}")
            if name in ("src", "href") and not address.startswith(("data:image/jpeg;base64,", "data:,", "#")):
                self.live.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_names_in_the_report_are_text(evil: tuple[Path, Ran], tmp_path: Path) -> None:
    folder, _ = evil
    dataset = tmp_path / "<script>alert(4)<"
    shutil.copytree(folder / "out", dataset, ignore=shutil.ignore_patterns("work"))
    report = tmp_path / "report"
    ran = artsim(["evaluate", dataset, "--encoder", "lite", "--split", "train", "--report", report], tmp_path)
    assert ran.code == 0, ran.stderr
    page = _Page()
    page.feed((report / "index.html").read_text(encoding="utf-8"))
    assert page.live == []
    text = "".join(page.text)
    assert "<script>alert(1)</script>" in text and "onerror=alert(2)" in text and "<script>alert(4)<" in text
    assert {"img", "table", "svg"} <= page.tags


def test_the_page_reader_sees_what_is_live() -> None:
    page = _Page()
    page.feed("<script>1</script><img src=x onerror=y><svg onload=z></svg><a href='javascript:1'>x</a>")
    assert len(page.live) == 6


def test_exported_file_names_stay_in_their_folder(evil: tuple[Path, Ran], tmp_path: Path) -> None:
    folder, _ = evil
    for format in ("csv", "imagefolder"):
        ran = artsim(["export", folder / "out", "--format", format, "--out", tmp_path / format], tmp_path)
        assert ran.code == 0, ran.stderr
    names = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")]
    assert len(names) > 56
    for name in names:
        assert not name.startswith("/") and ".." not in name.split("/") and "<" not in name


def test_script_beside_a_data_set_is_not_run(evil: tuple[Path, Ran], tmp_path: Path) -> None:
    dataset = tmp_path / "named"
    shutil.copytree(evil[0] / "out", dataset, ignore=shutil.ignore_patterns("work"))
    for name in ("named.py", "loading_script.py", "setup.py", "__init__.py"):
        (dataset / name).write_text(f"open({str(tmp_path / 'owned')!r}, 'w')")
    code = f"from artsim_dataset import load_artsim; print(load_artsim({str(dataset)!r}, 'metadata'))"
    env = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, timeout=100, check=False)
    assert not (tmp_path / "owned").exists()


# --- spreadsheets -------------------------------------------------------------------------------------------------

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("http://x","y")']


@pytest.mark.parametrize("cell", FORMULAS)
def test_cell_of_rejected_csv_begins_no_formula_and_comes_back(cell: str, tmp_path: Path) -> None:
    assert guarded(cell) == f"'{cell}" and unguarded(guarded(cell)) == cell
    assert guarded(f"x{cell}") == unguarded(f"x{cell}") == f"x{cell}"
    rejects = [Reject("bad_name", cell, cell, "source")]
    write_rejects(tmp_path, rejects)
    with open(tmp_path / "rejected.csv", newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["id"] == f"'{cell}"
    assert read_rejects(tmp_path) == rejects
    assert len(pd.read_csv(tmp_path / "rejected.csv")) == 1


def test_csv_files_of_the_data_set_begin_no_formula(evil: tuple[Path, Ran]) -> None:
    for name in ("data.csv", "metadata.csv"):
        for cell in pd.read_csv(evil[0] / "out" / name).to_numpy().ravel():
            assert guarded(cell) == cell


@pytest.mark.parametrize("text", ["=1+1 is painted here", "-- @ + a boat on the sea", "＝ a boat on the sea"])
def test_cleaned_text_begins_no_formula(text: str) -> None:
    for clean in (clean_prompt, clean_caption):
        assert guarded(clean(text)) == clean(text) and clean(clean(text)) == clean(text) != ""


# --- terminals ----------------------------------------------------------------------------------------------------


def test_names_do_nothing_to_the_terminal(tmp_path: Path) -> None:
    text = "[red]x[/red] [/nothing] [link=http://x]\x1b[2J\x9b31m\u202e\x07 é水\\"
    buffer = StringIO()
    Console(file=buffer, force_terminal=True, width=300, highlight=False).print(f"[bold]{shown(text)}[/bold]")
    assert "[red]x[/red] [/nothing] [link=http://x]" in buffer.getvalue() and "é水" in buffer.getvalue()
    assert buffer.getvalue().count("\x1b") == 2  # bold on, bold off
    assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(printable(text))


def test_summary_of_a_build_shows_names_as_they_are(tmp_path: Path) -> None:
    out = tmp_path / "[red]out"
    source = tmp_path / "source"
    for number, genre in enumerate(("A", "B", "A")):
        (source / genre).mkdir(parents=True, exist_ok=True)
        (source / genre / f"p_{number}.png").write_bytes(save(painting(80, 60, number), "PNG"))
    (source / "A" / "x.[bold]\x1b[2j").write_text("x")
    ran = artsim(["build", "-s", source, "-o", out, *SMALL], tmp_path)
    assert ran.code == 0, ran.stderr
    assert "1 .[bold]\\x1b[2j" in ran.stdout and "[red]out" in ran.stdout and "\x1b" not in ran.stdout + ran.stderr


def test_errors_show_names_as_they_are(tmp_path: Path) -> None:
    ran = artsim(["build", "-s", "[/x]\x1b[2J", "-o", tmp_path / "out"], tmp_path)
    assert ran.code == 2 and "[/x]\\x1b[2J does not exist" in ran.stderr and "\x1b" not in ran.stderr
