"""The README.md of a trained model: what it is, how it is used, how it did. Every number is from the run.

The card in the folder knows how the model was trained. A published one also names its repository, the data set with
its revision, and results on held-out paintings when they were measured; where they were not, it shows the numbers of
the validation paintings and says that these chose the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TAGS = ["sentence-transformers", "artsim", "image-similarity", "art"]
TASK = "image-feature-extraction"
METRICS = ("triplet_accuracy", "recall@1")
_FOLDER = "path/to/this/folder"

_HEADER = """# artsim similarity model ({encoder}, {dim} dimensions)

Maps a picture to a unit vector of {dim} numbers; the dot product of two of them is their cosine similarity. {purpose}

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{place}"{flag})
vectors = model.encode(["painting.jpg", "variant.jpg"])
print(model.similarity(vectors[0], vectors[1]))
```

{needs}

Crop letterbox bars first: identical bars on two pictures would make them alike.
"""

_SIMILARITY = """Trained so
that a painting and its AI-generated variants are close and paintings of other genres are far."""
_STYLE = """Trained so
that pictures of one artist, genre or medium are close (the loss of CSD, arXiv 2404.01292, on a frozen encoder)."""

_HEAD_NEEDS = """After `pip install 'artsim[train]'`: the encoder is a class of artsim, hence the flag. Without
sentence-transformers, `artsim_dataset.model.load_model(FOLDER).similarity([image], [other])` gives the same from a
folder."""
_WHOLE_NEEDS = "It is a plain model of sentence-transformers: nothing of artsim is needed to use it."

_HEAD_LICENCE = """The weights here are those of the head; they come from the data set above, whose terms and limits
they inherit (see its card: paintings of WikiArt are for non-commercial research only). The encoder `{encoder}` is not
part of this repository and has a licence of its own{own}."""
_WHOLE_LICENCE = """The weights here are those of `{encoder}`, trained further ({how}): its licence holds for them, and
so do the terms and limits of the data set above (see its card: paintings of WikiArt are for non-commercial research
only)."""

_LIMITS = """
## Limits

* It has learned which pictures are variants of one painting, by the generator and on the genres of its data set; how
  well that carries over to other generators, photographs or styles was not measured here.
* A cosine is not a probability, and says nothing about copying or authorship. Compare it with known pairs.
* Variants of image-to-image models keep the layout of their painting, so numbers on them as they are look easy; those
  on perturbed variants (cropped to 75 to 95 % of each side, mirrored half of the time) are the honest ones.

## Licence

{licence}
"""


@dataclass(frozen=True)
class DataFacts:
    """The data set that a model was trained on. ``name``: Hub id, or its folder's name; ``digest``: of all its files;
    ``commit``: on the Hub, '' for a folder."""

    name: str
    digest: str
    commit: str = ""


@dataclass(frozen=True)
class Publication:
    """What a card says beyond the training. ``evaluation``: what `artsim evaluate --json` prints, or None."""

    repo: str
    data: DataFacts | None = None
    evaluation: Mapping[str, Any] | None = None


def render_card(facts: Mapping[str, Any], dim: int, publication: Publication | None = None) -> str:
    """The card's text from the facts of `artsim.json`; a section whose facts are unknown is left out."""
    place = publication.repo if publication else _FOLDER
    parts = [f"---\n{_metadata(facts, publication)}\n---\n"]
    whole = facts.get("encoder_weights")  # trained end to end: its own weights, no class of artsim
    flag, needs = ("", _WHOLE_NEEDS) if whole else (", trust_remote_code=True", _HEAD_NEEDS)
    parts.append(_HEADER.format(encoder=facts["encoder"], dim=dim, place=place, flag=flag, needs=needs,
                                purpose=_STYLE if facts.get("task") == "style" else _SIMILARITY))  # fmt: skip
    if publication and publication.evaluation:
        parts.append(_results(publication.evaluation, facts.get("split", {}).get("scheme", "")))
    if facts.get("history"):
        if not (publication and publication.evaluation):
            parts.append(_validation(facts))
        parts.append(_training(facts, publication.data if publication else None))
    own = ": Apache-2.0" if facts["encoder"] == "lite" else ""
    licence = (_WHOLE_LICENCE if whole else _HEAD_LICENCE).format(encoder=facts["encoder"], own=own, how=whole)
    parts.append(_LIMITS.format(licence=licence))
    test = "" if publication else " Test results: `artsim evaluate DATASET --model FOLDER`."
    parts.append(f"\nMade with artsim {facts['artsim']}.{test}\n")
    return "".join(parts)


def _metadata(facts: Mapping[str, Any], publication: Publication | None) -> str:
    """The YAML that the Hub reads; results are machine-readable there when they are of held-out paintings."""
    from huggingface_hub import EvalResult, ModelCardData

    data = publication.data if publication else None
    on_hub = data.name if data and data.commit else None
    results = None
    if publication and publication.evaluation:
        results = [
            EvalResult(
                task_type=TASK,
                dataset_type=on_hub or "artsim",
                dataset_name=str(publication.evaluation["dataset"]),
                dataset_split=None if publication.evaluation.get("held_out") else publication.evaluation["split"],
                dataset_revision=data.commit if data and data.commit else None,
                metric_type=metric,
                metric_name=f"{metric}, perturbed variants",
                metric_value=float(publication.evaluation["perturbed"][metric]),
            )
            for metric in METRICS
        ]
    return ModelCardData(
        license="other",
        license_name="terms-of-the-data-set",
        license_link=f"https://huggingface.co/datasets/{on_hub}" if on_hub else None,
        library_name="sentence-transformers",
        pipeline_tag=TASK,
        tags=TAGS,
        datasets=[on_hub] if on_hub else None,
        base_model=facts["encoder"] if _is_hub_id(facts["encoder"]) else None,
        model_name=publication.repo.rpartition("/")[2] if publication and results else None,
        eval_results=results,
    ).to_yaml()


def _is_hub_id(encoder: str) -> bool:
    return encoder.count("/") == 1 and ":" not in encoder and not encoder.startswith((".", "/", "~"))


def _results(evaluation: Mapping[str, Any], scheme: str) -> str:
    """Held-out numbers: the model and its encoder without a head, as is and perturbed, with 95 % intervals."""
    rows: list[str] = []
    shown: dict[str, Any] = {"this model": evaluation, "its encoder without the head": evaluation.get("baseline")}
    for name, one in shown.items():
        for metric in METRICS if one else ():
            cells = " | ".join(_cell(scores, metric) for scores in (one, one["perturbed"]))
            rows.append(f"| {name} | {metric} | {cells} |")
    own = bool(evaluation.get("held_out"))
    where = f"kept from training by the split `{scheme}`" if own else f"split `{evaluation['split']}`"
    return (
        f"\n## Results on held-out paintings\n\n{evaluation['n_variants']:,} variants of "
        f"{evaluation['n_paintings']:,} paintings, {where}, in brackets 95 % intervals by "
        "bootstrap over paintings:\n\n| | | as is | perturbed |\n|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "*triplet_accuracy*: how often a painting is closer to its variant than to a painting of another genre; "
        "*recall@1*: how often a variant finds its own painting first among all of the split.\n"
    )


def _cell(scores: Mapping[str, Any], metric: str) -> str:
    low, high = scores["ci95"][metric]
    return f"{scores[metric]:.4f} [{low:.3f}, {high:.3f}]"


def _validation(facts: Mapping[str, Any]) -> str:
    best = facts["history"][facts["best_epoch"]]
    rows = [f"| {name.replace('_', ' ')} | {value:.4f} |" for name, value in best.items() if name[:10] == "validation"]
    return (
        f"\n## Results in validation (not held out)\n\nOn {facts['validation_paintings']:,} paintings that chose the "
        "best epoch, so these numbers are a little too good; nothing else was measured:\n\n| | |\n|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _training(facts: Mapping[str, Any], data: DataFacts | None) -> str:
    rows = [("data set", (data.name if data else facts.get("dataset")) or "not named")]
    if data:
        rows += [("its revision", data.commit)] if data.commit else []
        rows += [("digest of its build", data.digest)]
    rows += [
        ("paintings / variants", f"{facts['paintings']} trained on / {facts['variants']} in the train split"),
        ("validation paintings", f"{facts['validation_paintings']}, which chose the best epoch"),
        ("encoder", f"{facts['encoder']}, revision {facts['revision']}, {facts.get('encoder_weights', 'frozen')}"),
        ("temperature at the end", f"{facts['tau']:.4f}"),
        ("best epoch", f"{facts['best_epoch']} of {facts['history'][-1]['epoch']}"),
        *((key, value) for key, value in facts["config"].items()),
    ]
    table = "\n".join(f"| {name} | {_plain(value)} |" for name, value in rows)
    return f"\n## Training\n\n| | |\n|---|---|\n{table}\n"


def _plain(value: object) -> str:
    """A value inside a table's cell."""
    return str(value).replace("|", "\\|").replace("\n", " ")
