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
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.encoders.cache import EmbeddingCache
    from artsim_dataset.encoders.embed import PairRows, Wanted, embed
    from artsim_dataset.views import FULL

    rows = PairRows(pairs(dataset, split))
    chosen = get_encoder(encoder)
    wanted = [Wanted(int(row), "original", FULL) for row in rows.first_row]
    wanted += [Wanted(row, "generated", FULL) for row in range(len(rows))]
    with reports() as progress:
        embed(rows, wanted, chosen, EmbeddingCache(chosen), progress)
    facts = {"encoder": chosen.name, "revision": chosen.revision, "dim": chosen.dim, "embeddings": len(wanted)}
    if as_json:
        print_json(facts)
    else:
        out.print(f"{len(wanted):,} embeddings of {chosen.dim} numbers by '{chosen.name}' are in the cache")
