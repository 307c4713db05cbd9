"""The tab Browse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artsim_dataset.app.page import cannot

if TYPE_CHECKING:
    from artsim_dataset.app.data import Shown


def tab(shown: Shown) -> None:
    """Makes the components of the tab in the current `gr.Tab`."""
    cannot("This tab is being made.")
