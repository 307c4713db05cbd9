"""Files of the project's top level that a build publishes: the card's template and the loading script.

In a checkout they lie beside the packages; a wheel puts them under ``share/artsim``.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

from artsim_dataset.errors import ArtsimError


def resource(name: str) -> Path:
    """Path of ``dataset_card.md`` or ``loading_script.py``."""
    places = [Path(__file__).parent.parent, Path(sysconfig.get_path("data")) / "share" / "artsim"]
    for place in places:
        if (place / name).is_file():
            return place / name
    raise ArtsimError(f"{name} is missing from this installation; reinstall artsim")
