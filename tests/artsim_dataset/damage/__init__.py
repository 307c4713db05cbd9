"""Kinds of damage that a data set can suffer, as small functions on its folder; each names the check that must find it.

A careless copy, an edit by hand, a writer with a bug: after each the checksums are made anew (unless they are what is
damaged), so that nothing is found merely because bytes differ.
"""

from __future__ import annotations

from tests.artsim_dataset.damage import files, images, joins, rows
from tests.artsim_dataset.damage.tools import DAMAGES, Damage

__all__ = ["DAMAGES", "Damage", "files", "images", "joins", "rows"]
