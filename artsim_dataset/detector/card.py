"""The README.md of a detector: what it was trained on, how it did, how far to believe it. Numbers are from the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artsim_dataset.detector.scores import NUMBERS

_HEADER = """---
library_name: artsim
pipeline_tag: image-classification
tags:
- artsim
- ai-generated-image-detection
- art
---

# artsim detector: painting or AI variant ({head}{encoder})

**How far to believe it.** {warning}
A probability of 0.5 means "either", and a high one on a picture from elsewhere is no proof of anything: do not accuse
a person with it.

```python
from PIL import Image
from artsim_dataset.detector.model import load_detector

detector = load_detector("path/to/this/folder")
detector.probability([Image.open("picture.jpg")])  # of being AI-made, shape (1,)
```
"""


def render_detector_card(facts: Mapping[str, Any], warning: str) -> str:
    """The card's text from the facts of `artsim_detector.json`."""
    config, evaluation = facts["config"], facts["evaluation"]
    encoder = f" on {facts['encoder']}, revision {facts['revision']}" if "encoder" in facts else " on pixels"
    lines = [_HEADER.format(head=config["head"], encoder=encoder, warning=warning)]
    lines += ["\n## Trained on\n", "| | |", "|---|---|"]
    rows = [
        ("data sets", ", ".join(facts["datasets"])),
        ("generators", ", ".join(facts["generators"])),
        *((f"images {part}", str(count)) for part, count in facts["images"].items()),
        ("best epoch", f"{facts['best_epoch']} of {len(facts['history'])}"),
        ("temperature", f"{facts['temperature']:.3f}"),
        *((name, str(value)) for name, value in config.items()),
    ]
    lines += [f"| {name} | {value} |" for name, value in rows]
    lines.append(
        f"\n## Results\n\nOn {evaluation['images']} images of {evaluation['paintings']} paintings kept for the test, "
        "each generator against the originals of its data set; 'ai' is the positive class. In brackets 95 % intervals, "
        "bootstrapped over paintings.\n"
    )
    lines += scores_table({name: found for name, found in evaluation["generators"].items()}, "generator")
    if facts["leave_one_out"]:
        lines.append("\nTrained again without each generator, and tested on the one left out:\n")
        lines += scores_table({row["generator"]: row["unseen"] for row in facts["leave_one_out"]}, "unseen generator")
    lines.append("\nDegraded before they are looked at, mean over generators:\n")
    lines += robustness_table(evaluation)
    lines.append(
        "\nWhat the file format alone gives away (ROC-AUC of boosted trees that see no pixel; 0.5 is chance), on the "
        "published files and after the pipeline that this detector sees everything through. `header`: sizes, tables, "
        "subsampling, metadata. The bytes of a file also tell how smooth its picture is, which is content:\n"
    )
    lines += formats_table(evaluation)
    lines.append(f"\nMade with artsim {facts['artsim']}.\n")
    return "\n".join(lines)


def scores_table(scores: Mapping[str, Mapping[str, Any]], first: str) -> list[str]:
    """Markdown rows: a line for each name, with intervals and the confusion."""
    lines = [
        f"| {first} | " + " | ".join(NUMBERS) + " | AI caught / missed | originals cleared / accused |",
        "|---|" + "---:|" * (len(NUMBERS) + 2),
    ]
    for name, found in scores.items():
        cells = [_with_interval(found, number) for number in NUMBERS]
        counts = found["confusion"]
        cells.append(f"{counts['caught']} / {counts['missed']}")
        cells.append(f"{counts['cleared']} / {counts['accused']}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def robustness_table(evaluation: Mapping[str, Any]) -> list[str]:
    """Markdown rows: accuracy and ROC-AUC under each degradation, mean over generators."""
    lines = ["| degradation | accuracy | recall | ROC-AUC | ECE |", "|---|---:|---:|---:|---:|"]
    for name, by in {"none": evaluation["generators"], **evaluation["robustness"]}.items():
        means = [
            sum(found[number] for found in by.values()) / len(by) for number in ("accuracy", "recall", "roc_auc", "ece")
        ]
        lines.append(f"| {name} | " + " | ".join(f"{value:.3f}" for value in means) + " |")
    return lines


def formats_table(evaluation: Mapping[str, Any]) -> list[str]:
    """Markdown rows: the format baseline by generator, on published files and after the pipeline."""
    lines = [
        "| generator | files | header | header and bytes |",
        "|---|---|---:|---:|",
    ]
    for generator, by in evaluation["formats"].items():
        for where, found in by.items():
            cells = [_between(found["roc_auc"][name], found["ci95"][name]) for name in found["roc_auc"]]
            lines.append(f"| {generator} | {where} | " + " | ".join(cells) + " |")
    return lines


def _with_interval(found: Mapping[str, Any], number: str) -> str:
    return _between(found[number], found["ci95"][number])


def _between(value: float, ends: tuple[float, float]) -> str:
    return f"{value:.3f} ({ends[0]:.2f} to {ends[1]:.2f})"
