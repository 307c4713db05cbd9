"""The directions of imports, checked: data flows one way, and the base install stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "diffusers", "transformers", "sentence_transformers", "torchvision", "datasets", "pandas"}


def imports(path: Path, only_top_level: bool = False) -> Iterator[str]:
    """Modules that a file imports; with ``only_top_level`` those that importing it really loads."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if only_top_level else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


def test_library_never_imports_the_builder_except_the_command() -> None:
    for path in files("artsim_dataset"):
        if "cli" not in path.parts:
            assert not [name for name in imports(path) if name.split(".")[0] == "builder"], path


def test_command_imports_the_builder_only_when_a_command_needs_it() -> None:
    for path in files("artsim_dataset/cli"):
        assert not [name for name in imports(path, only_top_level=True) if name.split(".")[0] == "builder"], path


def test_stages_never_import_each_other() -> None:
    for path in files("builder/stages"):
        assert not [name for name in imports(path) if name.startswith("builder.stages")], path


def test_models_know_nothing_of_stages_or_runner() -> None:
    forbidden = ("builder.stages", "builder.run", "builder.pipeline", "builder.assemble", "builder.config")
    for path in files("builder/models"):
        assert not [name for name in imports(path) if name.startswith(forbidden)], path


@pytest.mark.parametrize("name", ["schema", "errors", "version"])
def test_contract_needs_the_standard_library_only(name: str) -> None:
    allowed = sys.stdlib_module_names | {"artsim_dataset"}
    for module in imports(ROOT / "artsim_dataset" / f"{name}.py"):
        assert module.split(".")[0] in allowed


def test_torchvision_is_imported_nowhere() -> None:
    for folder in ("artsim_dataset", "builder", "tests", "benchmarks"):
        for path in files(folder):
            assert "torchvision" not in set(imports(path)), path


@pytest.mark.parametrize("module", ["artsim_dataset", "artsim_dataset.cli"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_public_names_are_those_listed() -> None:
    import artsim_dataset

    path = ROOT / "artsim_dataset" / "__init__.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert set(artsim_dataset.__all__) == imported


def test_checking_a_finished_build_does_not_import_datasets() -> None:
    code = f"import sys, builder.build; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []
