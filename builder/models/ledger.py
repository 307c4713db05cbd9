"""What was paid for: every image that a server was paid to make, and every dollar that may have gone.

Two rules. An image that arrived is on disk before anything else happens, under the digest of what was asked, so that a
build that is killed never pays for it again. And money is written down *before* the request that may cost it: a request
whose end nobody saw counts as spent, so that the budget holds through crashes and across processes.
"""

from __future__ import annotations

import json
import math
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from artsim_dataset.errors import ArtsimError
from builder.shards import atomic, write_json

SPENT = "spent.jsonl"

_CENT_OF_A_CENT = 1e-6
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class BudgetReached(ArtsimError):
    """The next image would cost more than is allowed."""

    def __init__(self, spent: float, max_cost: float, images: int) -> None:
        super().__init__(
            f"spent ${spent:.2f} of ${max_cost:.2f}: the next image would pass --max-cost; "
            f"{images} images are paid for and kept; raise --max-cost and run the same command to go on"
        )
        self.spent = spent
        self.max_cost = max_cost
        self.images = images

    def __reduce__(self) -> tuple[type[BudgetReached], tuple[float, float, int]]:
        return type(self), (self.spent, self.max_cost, self.images)


@dataclass(frozen=True)
class Price:
    """What an image costs, in US dollars.

    ``square`` and ``oblong``: the published price of an image of 1024x1024, and of 1024x1536 or 1536x1024, by quality
    ('' for a model that knows none). The others are dollars for a million tokens, for models that charge by token and
    report them; ``painting_tokens`` is the most that a painting takes as input.
    """

    square: Mapping[str, float]
    oblong: Mapping[str, float]
    text_in: float = 0.0
    image_in: float = 0.0
    image_out: float = 0.0
    painting_tokens: int = 0

    def before(self, size: str, quality: str) -> float:
        """What to expect before a request, rounded up: input tokens are known only afterwards."""
        width, height = size.split("x")
        image = (self.square if width == height else self.oblong)[quality]
        given = _PROMPT_TOKENS * self.text_in + self.painting_tokens * self.image_in
        return math.ceil((image + given / 1e6) * 1e4) / 1e4 if given else image

    def after(self, usage: Any) -> float | None:
        """What the server's count of tokens costs; None when it counted none."""
        try:
            given, made = usage.input_tokens_details, usage.output_tokens
            cost = given.text_tokens * self.text_in + given.image_tokens * self.image_in + made * self.image_out
        except (AttributeError, TypeError):
            return None
        return float(cost) / 1e6 if self.image_out else None


_PROMPT_TOKENS = 200
"""More than a prompt of 75 words takes."""


def _by_quality(low: float, medium: float, high: float) -> dict[str, float]:
    return {"low": low, "medium": medium, "high": high}


_IMAGE_2_5 = Price(
    square=_by_quality(0.006, 0.0132, 0.0527),
    oblong=_by_quality(0.006, 0.0132, 0.0527),  # no list found; of gpt-image-2, oblong ones cost less than square ones
    text_in=5,
    image_in=8,
    image_out=30,
    painting_tokens=1536,
)
PRICES: Mapping[str, Price] = {
    "gpt-image-1": Price(_by_quality(0.011, 0.042, 0.167), _by_quality(0.016, 0.063, 0.25), 5, 10, 40, 323),
    "gpt-image-1-mini": Price(_by_quality(0.005, 0.011, 0.036), _by_quality(0.006, 0.015, 0.052), 2, 2.5, 8, 323),
    "gpt-image-1.5": Price(_by_quality(0.009, 0.034, 0.133), _by_quality(0.013, 0.05, 0.2), 5, 8, 32, 323),
    "gpt-image-2": Price(_by_quality(0.006, 0.053, 0.211), _by_quality(0.005, 0.041, 0.165), 5, 8, 30, 1536),
    "gpt-image-2.5-flare": _IMAGE_2_5,
    "gpt-image-2.5-sunburst": _IMAGE_2_5,
    "dall-e-2": Price({"": 0.018}, {}),
}
"""As of November 2026; dall-e-2 at 512x512. gpt-image-1 and dall-e-2 are from memory of OpenAI's list and are no longer
served by OpenAI; the others are from third parties' copies of the list. Check it before a large build."""


def price_of(model: str) -> Price | None:
    """The price of a model or of its dated snapshot; None when it is not in the table.

    >>> price_of("gpt-image-2-2026-04-21") is PRICES["gpt-image-2"], price_of("flux")
    (True, None)
    """
    return PRICES.get(_SNAPSHOT.sub("", model))


@dataclass
class Ledger:
    """The folder of one build's paid images, and its account. Several processes may use it at once."""

    folder: Path
    _known: dict[str, float] = field(default_factory=dict)
    _read: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / f".{SPENT}.lock")

    # --- money

    def total(self) -> float:
        """Dollars that were spent or may have been, by all processes and runs, with requests under way."""
        with self._lock:
            self._catch_up()
        return math.fsum(self._known.values())

    def allow(self, cost: float, max_cost: float | None) -> str:
        """Puts ``cost`` dollars aside for a request that is about to be sent. Returns a ticket for ``settle``.

        Raises BudgetReached, and puts nothing aside, when that would pass ``max_cost`` (None: no limit).
        """
        ticket = uuid.uuid4().hex[:16]
        with self._lock:
            self._catch_up()
            if max_cost is not None and math.fsum([*self._known.values(), cost]) > max_cost + _CENT_OF_A_CENT:
                raise self.reached(max_cost)
            self._append(ticket, cost)
        return ticket

    def settle(self, ticket: str, cost: float) -> None:
        """Says what the request cost in the end. One that is never settled counts with what was put aside."""
        with self._lock:
            self._catch_up()
            if self._known.get(ticket) != cost:
                self._append(ticket, cost)

    def reached(self, max_cost: float) -> BudgetReached:
        """The error that says how far the money went."""
        return BudgetReached(math.fsum(self._known.values()), max_cost, sum(1 for _ in self.folder.glob("*.png")))

    def _catch_up(self) -> None:
        """Reads what was appended since, by whomever. A last line without its end is not read."""
        path = self.folder / SPENT
        if not path.exists():
            return
        with open(path, "rb") as file:
            file.seek(self._read)
            lines, end, _ = file.read().rpartition(b"\n")
        self._read += len(lines) + len(end)
        for line in lines.splitlines():
            try:
                entry = json.loads(line)
                self._known[str(entry["ticket"])] = float(entry["usd"])
            except (ValueError, TypeError, KeyError):
                continue  # torn by a crash: its request was never sent, or counts with what was put aside

    def _append(self, ticket: str, usd: float) -> None:
        path = self.folder / SPENT
        torn = path.exists() and path.stat().st_size > self._read
        line = json.dumps({"ticket": ticket, "usd": usd}).encode() + b"\n"
        with open(path, "ab") as file:
            file.write(b"\n" + line if torn else line)
            file.flush()
            os.fsync(file.fileno())
        self._catch_up()

    # --- images

    def find(self, digest: str) -> tuple[bytes, dict[str, Any]] | None:
        """The image that was paid for with this request, as it came, and what was kept beside it."""
        image = self.folder / f"{digest}.png"
        if not image.is_file():
            return None
        facts: dict[str, Any] = json.loads((self.folder / f"{digest}.json").read_text(encoding="utf-8"))
        return image.read_bytes(), facts

    def keep(self, digest: str, image: bytes, facts: Mapping[str, Any]) -> None:
        """Stores an image that has arrived. The image is written last: when it is there, so are its facts."""
        write_json(self.folder / f"{digest}.json", dict(facts))
        with atomic(self.folder / f"{digest}.png") as temporary:
            temporary.write_bytes(image)
