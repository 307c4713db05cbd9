"""`artsim encode`: the embeddings of a data set, once."""

from __future__ import annotations

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import DATASET, ENCODER, JSON, SPLIT, pairs, reports, require_extra
from artsim_dataset.cli.terminal import command, out, print_json


@app.command("encode", short_help="Compute the embeddings of a data set once.")
@command
def encode_command(
    dataset: DATASET, encoder: ENCODER = "lite", split: SPLIT = "train+test", as_json: JSON = False
) -> None:
    """Compute the embeddings of a data set once; every later command finds them in the cache.

    Example:  artsim encode my-dataset --encoder lite
    """
    require_extra("artsim encode")
    import numpy as np

    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.encoders.cache import EmbeddingCache
    from artsim_dataset.encoders.embed import Looks, PairRows, embed_all

    rows = PairRows(pairs(dataset, split))
    chosen = get_encoder(encoder)
    looks = [Looks(rows.first_row, "original"), Looks(np.arange(len(rows)), "generated")]
    with reports() as progress:
        count = sum(at.size for at in embed_all(rows, looks, chosen, EmbeddingCache(chosen), progress))
    facts = {"encoder": chosen.name, "revision": chosen.revision, "dim": chosen.dim, "embeddings": count}
    if as_json:
        print_json(facts)
    else:
        out.print(f"{count:,} embeddings of {chosen.dim} numbers by '{chosen.name}' are in the cache")
