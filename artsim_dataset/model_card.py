"""The README.md of a trained model: what it is, how it is used, how it was trained. Every number is from the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEADER = """---
library_name: sentence-transformers
pipeline_tag: image-feature-extraction
tags:
- sentence-transformers
- artsim
- image-similarity
- art
---

# artsim similarity model ({encoder}, {dim} dimensions)

Maps a picture to a unit vector of {dim} numbers; the dot product of two of them is their cosine similarity. Trained so
that a painting and its AI-generated variants are close and paintings of other genres are far.

```python
from PIL import Image
from artsim_dataset.model import load_model

model = load_model("path/to/this/folder")
model.similarity([Image.open("painting.jpg")], [Image.open("variant.jpg")])
```

Or with sentence-transformers, after `pip install 'artsim[train]'` (the encoder is a class of artsim, hence the flag):

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder", trust_remote_code=True)
embeddings = model.encode([Image.open("painting.jpg"), Image.open("variant.jpg")])
```

Crop letterbox bars first: identical bars on two pictures would make them alike.
"""


def render_card(facts: Mapping[str, Any], dim: int) -> str:
    """The card's text from the facts of `artsim.json`; a section whose facts are unknown is left out."""
    lines = [_HEADER.format(encoder=facts["encoder"], dim=dim)]
    if facts.get("history"):
        best = facts["history"][facts["best_epoch"]]
        rows = [
            ("data set", facts.get("dataset") or "not named"),
            ("paintings / variants", f"{facts['paintings']} trained on / {facts['variants']} in the train split"),
            ("validation paintings", f"{facts['validation_paintings']}, by other artists"),
            ("encoder", f"{facts['encoder']}, revision {facts['revision']}, frozen"),
            ("loss", "triplet InfoNCE and in-batch InfoNCE, artists and near-duplicates masked"),
            ("temperature at the end", f"{facts['tau']:.4f}"),
            ("best epoch", f"{facts['best_epoch']} of {facts['history'][-1]['epoch']}"),
            ("validation loss / recall@1", f"{best['validation_loss']:.4f} / {best['validation_recall@1']:.4f}"),
            *((key, value) for key, value in facts["config"].items()),
        ]
        table = [f"| {name} | {value} |" for name, value in rows]
        lines += ["\n## Training\n", "| | |", "|---|---|", *table]
    lines.append(f"\nMade with artsim {facts['artsim']}. Test results: `artsim evaluate DATASET --model FOLDER`.\n")
    return "\n".join(lines)
