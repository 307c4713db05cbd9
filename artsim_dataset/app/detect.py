"""The tab *Detect*: AI or original, as far as a detector can be believed.

A detector knows the generators that it was trained on; S4's fell from 99 % to 51 % on another one. So the page never
gives a number alone: what it was trained on and how often it was right stand beside every answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from artsim_dataset.app.figures import answer, facts_table, note
from artsim_dataset.app.page import forget_answer, picture_input, told, uploaded

if TYPE_CHECKING:
    from artsim_dataset.app.data import Shown
    from artsim_dataset.detector.model import Detector

WITHOUT = """### No detector was given

A detector is trained on a data set: on its paintings and on the variants that its generators made of them.

```
artsim train detector DATASET --out my-detector
artsim app --detector my-detector
```

It takes a few minutes for some thousands of pictures on a CPU. It knows the generators it was trained on, and says so.
"""


def verdict(probability: float) -> str:
    """In words, by what a calibrated probability promises: how often such an answer is right.

    >>> verdict(0.99), verdict(0.5), verdict(0.15)
    ('very likely AI-made', 'it cannot tell', 'probably an original')
    """
    sure = max(probability, 1 - probability)
    side = "AI-made" if probability > 0.5 else "an original"
    if sure < 0.7:
        return "it cannot tell"
    return f"{'very likely' if sure >= 0.95 else 'probably'} {side}"


def in_words(probability: float) -> str:
    """What the number means, for a person who bets on it.

    >>> in_words(0.8).partition("about ")[2]
    '80 are AI-made and 20 are originals.'
    """
    made = min(99, max(1, round(100 * probability)))
    return (
        "Of 100 pictures like those it was tested on, half of them AI-made, to which it gives this number, about "
        f"{made} {'is' if made == 1 else 'are'} AI-made and {100 - made} "
        f"{'is an original' if made == 99 else 'are originals'}."
    )


def record(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the detector was trained on and how it did, as names and values, from its `artsim_detector.json`."""
    evaluation = facts["evaluation"]
    lines = [
        ("trained on pictures by", ", ".join(facts["generators"])),
        ("tested on", f"{evaluation['images']:,} images of {evaluation['paintings']:,} other paintings"),
    ]
    for name, found in evaluation["generators"].items():
        low, high = found["ci95"]["accuracy"]
        lines.append((f"right on {name}", f"{found['accuracy']:.0%} ({low:.0%} to {high:.0%})"))
    for row in facts.get("leave_one_out") or ():
        lines.append((f"right on {row['generator']}, trained without it", f"{row['unseen']['accuracy']:.0%}"))
    errors = [found["ece"] for found in evaluation["generators"].values()]
    lines.append(("calibration error of its percentages", f"{max(errors):.0%}"))
    return lines


def shown_answer(probability: float, warning: str) -> str:
    """The answer as HTML: in words, as a bar, and never without the warning."""
    percent = f"{100 * probability:.0f}"
    bar = (
        f'<div class="scale" role="img" aria-label="Probability of being AI-made: {percent} %">'
        f'<span style="width: {100 * probability:.1f}%"></span></div>'
        f'<p class="ends"><span>original</span><span>{percent} % AI-made</span></p>'
    )
    heading = verdict(probability)
    return answer(heading[:1].upper() + heading[1:], bar + f"<p>{in_words(probability)}</p>" + note(warning))


def tab(shown: Shown) -> None:
    """Makes the components of the tab in the current `gr.Tab`."""
    import gradio as gr

    if shown.detector is None:
        gr.Markdown(WITHOUT)
        return
    detector: Detector = shown.judge

    @told
    def judged(path: str | None) -> str:
        picture = uploaded(path)
        with shown.lock:
            probability = float(detector.probability([picture])[0])
        return shown_answer(probability, detector.warning)

    with gr.Row(elem_classes="ask"):
        with gr.Column(scale=1, min_width=280):
            picture = picture_input("Picture to judge")
            judge = gr.Button("AI or original?", variant="primary")
        with gr.Column(scale=2, min_width=280):
            found = gr.HTML(note(detector.warning), elem_id="detect-results", elem_classes="answers")
            gr.HTML(facts_table(record(detector.facts), "What the detector was trained on, and how it did")
                    + "<p>It looks at the square in the middle, 192 pixels a side, written as JPEG: the file's own "
                    "format, size and metadata tell it nothing. A number is no proof: do not accuse a person with "
                    "it.</p>", elem_classes="answers")  # fmt: skip
    judge.click(judged, picture, found)
    forget_answer(picture, found, note(detector.warning))
