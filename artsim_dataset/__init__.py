"""artsim: paintings, their AI variants, and models that measure how alike they are.

    >>> import artsim_dataset
    >>> artsim_dataset.GENRES[4]
    'Baroque'

Importing this loads neither torch nor diffusers; `load_artsim` imports `datasets` when it is called.
"""

from artsim_dataset.errors import ArtsimError, ConfigError, DatasetNotFound, MissingExtra, StageError
from artsim_dataset.load import load_artsim
from artsim_dataset.schema import GENRES, LEVELS, SCHEMA_VERSION, Painting, Triplet, Variant
from artsim_dataset.version import __version__

__all__ = [
    "GENRES",
    "LEVELS",
    "SCHEMA_VERSION",
    "ArtsimError",
    "ConfigError",
    "DatasetNotFound",
    "MissingExtra",
    "Painting",
    "StageError",
    "Triplet",
    "Variant",
    "__version__",
    "load_artsim",
]
