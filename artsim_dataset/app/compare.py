"""The tab Compare: how alike two pictures are, and what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from artsim_dataset.app.page import cannot
from artsim_dataset.schema import seed_from

if TYPE_CHECKING:
    from artsim_dataset.app.data import Shown
    from artsim_dataset.standing import Known

SAMPLE = 100
"""Paintings whose pairs are measured when the model brings no known pairs: some seconds of `lite` on two cores."""


def measured(shown: Shown) -> Known | None:
    """Known pairs of a seeded sample of the data set's test split, of all of it when that has no test split.

    Each sampled painting gives one positive, with its variant, and one negative, with a sampled painting of another
    genre. None when all of the sample is of one genre. Embeddings are kept in the cache.
    """
    from artsim_dataset.encoders.embed import Wanted
    from artsim_dataset.standing import Known
    from artsim_dataset.views import FULL

    rows = shown.rows
    split = "test" if (rows.splits == "test").any() else "train"
    own = np.flatnonzero(rows.splits == split)
    order = sorted(own.tolist(), key=lambda row: seed_from("known", rows.ids[row]))[:SAMPLE]
    genres = rows.genres[order]
    strangers = [_next_of_another(genres, at) for at in range(len(order))]
    if not order or None in strangers:
        return None
    wanted = [Wanted(row, column, FULL) for column in ("original", "generated") for row in order]
    originals, variants = np.split(shown.vectors(wanted), 2)
    positive = (originals * variants).sum(1)
    negative = (originals * originals[np.array(strangers, int)]).sum(1)
    return Known.measured(positive, negative, f"{len(order):,} paintings of the {split} split of {shown.dataset_name}")


def _next_of_another(genres: np.ndarray, at: int) -> int | None:
    """The first place after ``at``, around the end, whose genre is another one."""
    others = np.flatnonzero(genres != genres[at])
    return int(others[np.argmin((others - at) % len(genres))]) if len(others) else None


def tab(shown: Shown) -> None:
    """Makes the components of the tab in the current `gr.Tab`."""
    cannot("This tab is being made.")
