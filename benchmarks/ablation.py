"""What each part of the `lite` encoder is worth: the table of docs/lite.md.

    python -m benchmarks.ablation --dataset FOLDER        # built with --set prompt.variants=2

The candidates are computed once for every view and cached. Each row of the table then takes some of them, each scaled
to its length, and is measured as `benchmarks.similarity` measures: untrained, and with the default head as it starts
(`train.whiten`, a closed form), on artist-disjoint splits, as is and perturbed. Beside similarity stands style: is the
most similar other painting by the same artist (artist), and the most similar one by another artist of the same genre
(genre)? By cosines of centred embeddings.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from torch.nn import functional

from artsim_dataset import style_network
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import PairRows, Wanted, embed
from artsim_dataset.encoders.lite import LENGTHS, LiteEncoder, _pixels, channel_statistics, layout_grid, mirror_blind
from artsim_dataset.model import unit
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.views import FULL
from benchmarks.measure import header
from benchmarks.similarity import all_rows, one_split, table_row

Lengths = Mapping[str, float]

START = TrainConfig(epochs=0)
LITE: Lengths = dict(LENGTHS)
ROWS: Mapping[str, Lengths] = {
    "lite": LITE,
    "semantic and style shorter": {"layout": 1, "semantic": 0.25, "style": 0.1},
    "without layout": {"semantic": 0.5, "style": LITE["style"]},
    "without semantic": {"layout": 1, "style": LITE["style"]},
    "without style": {"layout": 1, "semantic": 0.5},
    "layout alone": {"layout": 1},
    "layout without instance normalisation": {**LITE, "layout": 0, "layout, plain": 1},
    "layout not mirror-blind": {**LITE, "layout": 0, "layout, sided": 1},
    "layout on 3 x 3": {**LITE, "layout": 0, "layout, 3 x 3": 1},
    "style network's vector for style": {**LITE, "style": 0, "style network": 0.25},
}


class Candidates(LiteEncoder):
    """All that a row may take, each part of length 1."""

    name = "lite-candidates"
    revision = f"1-{LiteEncoder.revision}"
    sizes: Mapping[str, int] = {"layout": 2800, "semantic": 1280, "style": 384, "layout, plain": 2800,
                                "layout, sided": 2800, "layout, 3 x 3": 1008, "style network": 100}  # fmt: skip
    dim = sum(sizes.values())

    def _encode_image(self, image: Image.Image) -> np.ndarray:
        pixels = torch.from_numpy(_pixels(image)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            lower = self._lower(pixels.to(memory_format=torch.channels_last))
            middle = self._middle(lower)
            parts = {
                "layout": mirror_blind(layout_grid(middle)),
                "semantic": self._top(middle).mean((2, 3)),
                "style": torch.cat([channel_statistics(lower), channel_statistics(middle)], 1),
                "layout, plain": mirror_blind(functional.adaptive_avg_pool2d(middle, 5)),
                "layout, sided": layout_grid(middle).flatten(1),
                "layout, 3 x 3": mirror_blind(layout_grid(middle, 3)),
                "style network": torch.from_numpy(style_network.style_vectors([image])),
            }
            return torch.cat([functional.normalize(parts[name], dim=1) for name in self.sizes], 1).numpy()

    def columns(self, lengths: Lengths) -> np.ndarray:
        """The columns of the parts that have a length, and what to multiply them by: (2, n)."""
        start, found = 0, []
        for name, size in self.sizes.items():
            if lengths.get(name):
                found.append(np.stack([np.arange(start, start + size), np.full(size, lengths[name])]))
            start += size
        return np.concatenate(found, 1)


class Row:
    """An encoder of the candidates' columns that a row takes. What it says goes to :class:`RowCache` whole."""

    def __init__(self, candidates: Candidates, columns: np.ndarray) -> None:
        self.name, self.revision, self.dim = candidates.name, candidates.revision, columns.shape[1]
        self.encode = candidates.encode


class RowCache(EmbeddingCache):
    """The candidates' cache: all of them are kept, the columns of a row are handed out."""

    def __init__(self, candidates: Candidates, columns: np.ndarray) -> None:
        super().__init__(candidates)
        self._columns, self._lengths = columns[0].astype(int), columns[1].astype(np.float32)

    def take(self, positions: np.ndarray) -> np.ndarray:
        """Rows of the store, shape (n, columns), float32."""
        blocks = [super(RowCache, self).take(part)[:, self._columns] * self._lengths for part in _parts(positions)]
        return np.concatenate(blocks) if blocks else np.empty((0, len(self._columns)), np.float32)


def _parts(positions: np.ndarray, size: int = 1024) -> list[np.ndarray]:
    return [positions[at : at + size] for at in range(0, len(positions), size)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help="a built data set with two variants of each painting")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="each gives another split")
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS), help="only these rows")
    options = parser.parse_args()
    print(header())
    rows, candidates = all_rows(options.dataset), Candidates()
    for name in options.rows:
        columns = candidates.columns(ROWS[name])
        encoder, cache = Row(candidates, columns), RowCache(candidates, columns)
        artist, genre = style(rows, candidates, cache)
        print(f"{name}, {encoder.dim} numbers: artist {artist:.3f}, genre {genre:.3f}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            found = [one_split(rows, encoder, cache, Path(folder), seed, START) for seed in options.seeds]
        for subject in found[0]:
            print(f"  {subject:<10} {table_row([one[subject] for one in found])}", flush=True)


def style(rows: Dataset, candidates: Candidates, cache: RowCache) -> tuple[float, float]:
    """Shares of paintings whose most similar other painting is by the same artist; of those by other artists, whose
    most similar one is of the same genre. Embeds what is not cached, all views of it."""
    table = PairRows(rows)
    wanted = [Wanted(int(row), "original", FULL) for row in table.first_row]
    vectors = unit(cache.take(embed(table, wanted, candidates, EmbeddingCache(candidates))))
    vectors = unit(vectors - vectors.mean(0))
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    artists, genres = table.artists[table.first_row], table.genres[table.first_row]
    same = artists[:, None] == artists[None]
    known = same.sum(1) > 1
    artist = (artists[similar.argmax(1)] == artists)[known].mean()
    others = np.where(same, -np.inf, similar)
    kind = genres[:, None] == genres[None]
    known = (kind & ~same).any(1)
    return float(artist), float((genres[others.argmax(1)] == genres)[known].mean())


if __name__ == "__main__":
    main()
