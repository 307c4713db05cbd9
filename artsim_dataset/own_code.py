"""Code of the user's own, named on the command line: a generator or an encoder that artsim does not have.

    my_generator.py:Posterize        a class in a file, relative to the folder that the command is run in
    my_package.generators:Posterize  a class in an installed package

Code is opened only because a person named it. A name that stands in a model's folder, which may come from a stranger,
opens nothing until the person says that it may: see :func:`trusted`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from artsim_dataset.errors import ConfigError

TRUST = "ARTSIM_TRUST_CODE"


def load_class(reference: str, members: Sequence[str] = ()) -> type:
    """The class that ``FILE.py:Class`` or ``package.module:Class`` names, its module imported.

    Args:
        reference: as above.
        members: attributes that the class must have.

    Raises:
        ConfigError: there is no such file, module or class, importing it fails, or a member is missing.

    >>> load_class("collections:OrderedDict").__name__
    'OrderedDict'
    """
    where, colon, name = reference.rpartition(":")
    if not colon or not where or not name.isidentifier():
        raise ConfigError(f"'{reference}' names no class; write FILE.py:Class or package.module:Class")
    try:
        found = getattr(_module(where), name, None)
    except ConfigError:
        raise
    except Exception as error:  # whatever the user's own module raises when it is imported
        raise ConfigError(f"cannot import {where} ({type(error).__name__}: {error})") from error
    if not isinstance(found, type):
        raise ConfigError(f"{where} has no class '{name}'")
    missing = [member for member in members if not hasattr(found, member)]
    if missing:
        raise ConfigError(f"the class {reference} lacks: {', '.join(missing)}")
    return found


def construct(reference: str, found: type, options: Mapping[str, Any]) -> Any:
    """An object of the class. Raises ConfigError when its constructor refuses the options or fails."""
    try:
        return found(**options)
    except ConfigError:
        raise
    except Exception as error:  # its author's mistake or the caller's: either way one sentence
        raise ConfigError(f"{reference} cannot be made ({type(error).__name__}: {error})") from error


def trusted(reference: str, named_in: str) -> None:
    """Raises ConfigError unless ``$ARTSIM_TRUST_CODE``, a list with commas, has the class that a file names."""
    if reference not in os.environ.get(TRUST, "").split(","):
        raise ConfigError(
            f"{named_in} asks for code, {reference}; if you trust it and have it here: export {TRUST}={reference}"
        )


def _module(where: str) -> ModuleType:
    if not where.endswith(".py"):
        return import_module(where)
    path = Path(where).expanduser().resolve()
    if not path.is_file():
        raise ConfigError(f"there is no file {where} to take a class from")
    name = f"artsim_own_code.{path}"  # no name that a person could import, and one for each file
    if name not in sys.modules:
        spec = spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
