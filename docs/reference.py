"""Writes docs/reference/: commands from the parser, settings from their models, the API from docstrings.

    python docs/reference.py            brings the pages up to date (make docs)
    python docs/reference.py --check    exits with 1 when one is not

Everything is read from the source (`ast`) or from the objects that the program itself runs on, never from printed help:
so a page does not depend on the width of a terminal, and has no address of this machine's memory. Generators of whole
sites (pdoc, Sphinx, griffe's templates) make HTML or need a theme; GitHub shows these pages as they are.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reference"
WIDTH = 100
NOTE = "<!-- written by docs/reference.py; `make docs` brings it up to date -->\n\n"

API: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "data.md": (
        "The data: words, loading, splits",
        "What `import artsim_dataset` gives, and the modules behind it.",
        ("artsim_dataset", "artsim_dataset.schema", "artsim_dataset.errors", "artsim_dataset.load",
         "artsim_dataset.features", "artsim_dataset.splits", "artsim_dataset.triplets", "artsim_dataset.views",
         "artsim_dataset.export", "artsim_dataset.validate"),
    ),
    "models.md": (
        "Encoders, models, training",
        "Needs the `train` extra: `pip install 'artsim[train]'`.",
        ("artsim_dataset.encoders", "artsim_dataset.encoders.cache", "artsim_dataset.encoders.embed",
         "artsim_dataset.own_code", "artsim_dataset.model", "artsim_dataset.losses", "artsim_dataset.train.config",
         "artsim_dataset.train.siamese", "artsim_dataset.train.style", "artsim_dataset.train.detector",
         "artsim_dataset.detector.model"),
    ),
    "metrics.md": (
        "Metrics and evaluation",
        "The definitions, with their protocols: [docs/metrics.md](../metrics.md).",
        ("artsim_dataset.metrics", "artsim_dataset.metrics.pairs", "artsim_dataset.metrics.ranking",
         "artsim_dataset.metrics.intervals", "artsim_dataset.metrics.calibration", "artsim_dataset.scores",
         "artsim_dataset.evaluate", "artsim_dataset.structure", "artsim_dataset.alignment", "artsim_dataset.standing",
         "artsim_dataset.retrieval.protocol", "artsim_dataset.attribute"),
    ),
    "builder.md": (
        "The builder",
        "For who adds a stage, a model or an engine.",
        ("builder.models", "builder.stage", "builder.config", "builder.build", "builder.pipeline", "builder.engine"),
    ),
}  # fmt: skip


def pages() -> dict[str, str]:
    """File name -> text of every page of the reference."""
    made = {"commands.md": _commands(), "settings.md": _settings()}
    for name, (title, lead, modules) in API.items():
        made[name] = f"# {title}\n\n{NOTE}{lead}\n" + "".join(_module(module) for module in modules)
    return {name: re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n" for name, text in made.items()}


def main() -> int:
    stale = {name: text for name, text in pages().items() if _stored(PAGES / name) != text}
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/reference/{name} is not up to date: make docs")
        return 1 if stale else 0
    PAGES.mkdir(exist_ok=True)
    for name, text in stale.items():
        (PAGES / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")
    return 0


def _stored(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


# --- commands -------------------------------------------------------------------------------------------------------


def walk(group: Any, prefix: str = "artsim") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name, in the order of --help."""
    for name in group.list_commands(None):
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from walk(command, f"{prefix} {name}")
        elif not command.hidden:
            yield f"{prefix} {name}", command


def root_command() -> Any:
    """The parser of `artsim` itself."""
    import typer

    from artsim_dataset.cli import app

    return typer.main.get_command(app)


def _commands() -> str:
    commands = list(walk(root_command()))
    listed = "\n".join(f"* [`{name}`](#{name.replace(' ', '-')}): {_brief(command)}" for name, command in commands)
    head = (
        f"# Commands\n\n{NOTE}Every command also has `--help` (`-h`); `--debug` shows tracebacks. Exit codes: 0 done,"
    )
    head += " 1 failed, 2 bad usage or input, 130 and 143 interrupted.\n\n"
    return head + listed + "\n" + "".join(_command(name, command) for name, command in commands)


def _brief(command: Any) -> str:
    return str(command.short_help or (command.help or "").split("\n\n")[0]).strip()


def _command(name: str, command: Any) -> str:
    arguments = [p for p in command.params if not p.opts[0].startswith("-")]
    options = [p for p in command.params if p.opts[0].startswith("-") and p.opts[0] != "--help" and not p.hidden]
    usage = " ".join([name, *(_shown_argument(p) for p in arguments), "[OPTIONS]"])
    lines = [f"\n## {name}\n", f"```\n{usage}\n```\n", _prose(command.help or "")]
    if arguments:
        lines += ["| argument | what |", "|---|---|"]
        lines += [f"| `{_name(p)}` | {_cell(p.help or '')} |" for p in arguments] + [""]
    if options:
        lines += ["| option | default | what |", "|---|---|---|"]
        lines += [f"| {_flags(p)} | {_default(p)} | {_cell(p.help or '')} |" for p in options]
    return "\n".join(lines) + "\n"


def _name(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).upper()


def _shown_argument(parameter: Any) -> str:
    name = _name(parameter) + (" ..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _flags(parameter: Any) -> str:
    names = ", ".join(f"`{flag}`" for flag in (*parameter.opts, *parameter.secondary_opts))
    if parameter.is_flag:
        return names
    annotation = parameter.type_descriptor.annotation
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)]
    choices = [str(getattr(kind, "value", kind)) for kind in (getattr(kinds[0], "__members__", None) or {}).values()]
    kind = " or ".join(choices) or " or ".join(getattr(kind, "__name__", str(kind)).lower() for kind in kinds)
    return f"{names} {kind}{' (may be given several times)' if parameter.multiple else ''}"


def _default(parameter: Any) -> str:
    value = parameter.default
    if parameter.required:
        return "required"
    if value is None or value is False or value == () or value == [] or callable(value):
        return ""
    return f"`{value}`"


def _prose(text: str) -> str:
    """Help as Markdown: typer keeps its paragraphs; two spaces after "Example:" become code."""
    text = text.replace("\b", "").strip()
    return re.sub(r"(?m)^[ \t]*(Examples?):\s+(artsim .*(?:\n\s+\S.*)*)", lambda m: _example(m[1], m[2]), text) + "\n"


def _example(word: str, code: str) -> str:
    lines = "\n".join(line.strip() for line in code.splitlines())
    return f"\n{word}:\n\n```\n{lines}\n```"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# --- settings -------------------------------------------------------------------------------------------------------


def _settings() -> str:
    from builder.config import BuildConfig

    text = (
        f"# Settings of a build\n\n{NOTE}`artsim build --set stage.key=value`, or a YAML file with `--config`. A stage "
    )
    text += "that several models can do is chosen by `stage.kind`; the kind has the other settings.\n"
    for stage, field in BuildConfig.model_fields.items():
        kinds = [kind for kind in _models(field.annotation)]
        if not kinds:
            text += f"\n## {stage}\n\nDefault `{field.default}`. {field.description or ''}\n"
            continue
        text += f"\n## {stage}\n"
        for kind in kinds:
            if "kind" in kind.model_fields:
                chosen = kind.model_fields["kind"].default
                mark = " (the default)" if getattr(field.default, "kind", None) == chosen else ""
                text += f"\n### {stage}.kind={chosen}{mark}\n"
            text += f"\n{_markdown(kind.__doc__ or '')}\n"
            rows = [_setting(stage, key, at) for key, at in kind.model_fields.items() if key != "kind"]
            if rows:
                text += "\n| setting | type | default | what |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    return text


def _models(annotation: Any) -> list[Any]:
    found = [annotation, *get_args(annotation)]
    return [one for one in found if isinstance(one, type) and hasattr(one, "model_fields")]


def _setting(stage: str, key: str, field: Any) -> str:
    kind = re.sub(r"\b(typing|collections\.abc)\.|<class '|'>", "", str(field.annotation))
    limits = [f"{sign} {getattr(rule, name)}" for rule in field.metadata
              for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
              if getattr(rule, name, None) is not None]  # fmt: skip
    default = "required" if field.is_required() else f"`{field.default!r}`"
    shown = _cell(", ".join([f"`{kind}`", *limits]))
    return f"| `{stage}.{key}` | {shown} | {default} | {_cell(field.description or '')} |"


# --- the API --------------------------------------------------------------------------------------------------------


def _module(name: str) -> str:
    path = ROOT.joinpath(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    text = f"\n## {name}\n\n{_markdown(ast.get_docstring(tree) or '')}\n"
    exported = [node for node in tree.body if isinstance(node, ast.ImportFrom) and path.name == "__init__.py"]
    names = [alias.name for node in exported for alias in node.names if (node.module or "").startswith(name)]
    if names:
        text += f"\nFrom its modules: {', '.join(f'`{one}`' for one in names)}.\n"
    for at, node in enumerate(tree.body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            text += _definition(node)
        elif (constant := _constant(node)) and (said := _text_after(tree.body, at)):
            text += f"\n### {constant}\n\n{_markdown(said)}\n"
    return text


def _constant(node: ast.stmt) -> str:
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) and not target.id.startswith("_") else ""


def _text_after(body: list[ast.stmt], at: int) -> str:
    """The string that stands below a constant and says what it is."""
    after = body[at + 1] if at + 1 < len(body) else None
    value = after.value if isinstance(after, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _definition(node: ast.FunctionDef | ast.ClassDef) -> str:
    text = f"\n### {node.name}\n\n```python\n{_signature(node)}\n```\n"
    text += f"\n{_markdown(ast.get_docstring(node) or '')}\n"
    if isinstance(node, ast.ClassDef):
        methods = [m for m in node.body if isinstance(m, ast.FunctionDef) and not m.name.startswith("_")]
        for method in methods:
            said = _markdown(ast.get_docstring(method) or "")
            text += f"\n**{node.name}.{method.name}**\n\n```python\n{_signature(method)}\n```\n" + (
                said and f"\n{said}\n"
            )
    return text


def _signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.FunctionDef):
        marks = "".join(f"@{ast.unparse(mark)}\n" for mark in node.decorator_list if isinstance(mark, ast.Name))
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        line = f"def {node.name}({ast.unparse(node.args)}){returns}"
        return marks + (line if len(line) <= WIDTH else _broken(node, returns))
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    fields = [ast.unparse(one) for one in node.body if isinstance(one, ast.AnnAssign) and not _private(one)]
    head = f"class {node.name}({bases})" if bases else f"class {node.name}"
    made = next((m for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"), None)
    inside = fields or ([_signature(made)] if made else [])
    return head + (":\n" + "\n".join(f"    {line}" for part in inside for line in part.splitlines()) if inside else "")


def _private(node: ast.AnnAssign) -> bool:
    return isinstance(node.target, ast.Name) and node.target.id.startswith("_")


def _broken(node: ast.FunctionDef, returns: str) -> str:
    """A long signature, one argument a line."""
    tree = node.args
    positional = [*tree.posonlyargs, *tree.args]
    defaults = [None] * (len(positional) - len(tree.defaults)) + list(tree.defaults)
    parts = [_argument(argument, default) for argument, default in zip(positional, defaults, strict=True)]
    if tree.vararg or tree.kwonlyargs:
        parts.append("*" + (ast.unparse(tree.vararg) if tree.vararg else ""))
    parts += [_argument(a, d) for a, d in zip(tree.kwonlyargs, tree.kw_defaults, strict=True)]
    parts += [f"**{ast.unparse(tree.kwarg)}"] if tree.kwarg else []
    return f"def {node.name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){returns}"


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


def _markdown(docstring: str) -> str:
    """A docstring as Markdown: roles and double backquotes become code, doctests a block, sections a list."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", docstring.strip()).replace("``", "`")
    text = re.sub(r"(?m)::$", ":", text)
    paragraphs = [_paragraph(part) for part in re.split(r"\n\s*\n", text)]
    return "\n\n".join(paragraphs)


def _paragraph(text: str) -> str:
    lines = text.splitlines()
    if lines and lines[0].lstrip().startswith(">>>"):
        return "```pycon\n" + dedent("\n".join(lines)) + "\n```"
    if len(lines) > 1 and re.fullmatch(r"(Args|Attributes|Raises|Returns|Yields).*:", lines[0]):
        items: list[str] = []
        for line in lines[1:]:
            if re.match(r" {4}\S", line) or not items:
                items.append(re.sub(r"^([\w*, ]+):", r"`\1`:", line.strip()))
            else:
                items[-1] += " " + line.strip()
        return f"{lines[0]}\n\n" + "\n".join(f"* {item}" for item in items)
    return text


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # a checkout that is not installed
    sys.exit(main())
