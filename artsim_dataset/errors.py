"""The error family: each class carries what failed, so that one sentence can say where and how to fix it.

ArtsimError
├── ConfigError        a setting or an argument that cannot work; the command exits with 2
│   └── MissingExtra   an optional package that this feature needs
├── DatasetNotFound    a data set that is not where it was said to be; exits with 2
└── StageError         a stage that broke; carries the stage and the shard; exits with 1
"""

from __future__ import annotations


class ArtsimError(Exception):
    """Root of all errors raised on purpose. Its text is one sentence for a person."""


class ConfigError(ArtsimError):
    """A setting, an argument or an input that cannot work. Raised before any long work starts."""


class MissingExtra(ConfigError):
    """An optional dependency is not installed.

    >>> str(MissingExtra("the lite encoder", "train"))
    "the lite encoder needs the 'train' extra: pip install 'artsim[train]'"
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the '{extra}' extra: pip install 'artsim[{extra}]'")
        self.feature = feature
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:
        return type(self), (self.feature, self.extra)  # workers send errors to their parent pickled


class DatasetNotFound(ArtsimError, FileNotFoundError):
    """No artsim data set at the given folder or Hub id."""


class StageError(ArtsimError):
    """A stage broke in a way that is no row's fault."""

    def __init__(self, stage: str, shard: str, message: str) -> None:
        super().__init__(f"stage '{stage}', shard {shard}: {message}")
        self.stage = stage
        self.shard = shard
        self.message = message

    def __reduce__(self) -> tuple[type[StageError], tuple[str, str, str]]:
        return type(self), (self.stage, self.shard, self.message)


def fault_of(error: Exception) -> str:
    r"""What a parser of YAML found wrong, on one line: its own message quotes the text over several.

    >>> fault_of(ValueError("two\n  lines"))
    'two lines'
    """
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return f"{problem} in line {mark.line + 1}" if mark and problem else " ".join(str(error).split())
