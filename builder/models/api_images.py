"""Variants by OpenAI's images API, or a server that speaks it: edits that read the prompt, or dall-e-2's variations.

The API knows a few sizes only, so a painting is fitted into the nearest and surrounded by its own reflection, and the
same place is cut out of the answer. Every attempt may cost money, so attempts are made here, one by one and each
against the budget, and not by the client; an answer is on disk before it is looked at (`ledger.py`).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from artsim_dataset.errors import ConfigError
from builder.model_config import OpenAIImages
from builder.models import ImageTask, Made, Pixels
from builder.models.api import RETRIES, Server, may_work_later, never_connected, serving, wait_before
from builder.models.ledger import PRICES, BudgetReached, Ledger, price_of
from builder.shards import digest
from builder.stage import Reject

if TYPE_CHECKING:
    from openai import APIError

logger = logging.getLogger(__name__)

VARIATIONS = "dall-e-2"
PLAIN_PROMPT = "Paint this painting again, as a variation of itself."
"""For edits when the build writes no prompts: the API refuses an empty one."""

_SQUARE = (512, 512)
_SIZES = ((1024, 1024), (1536, 1024), (1024, 1536))
_LOST = 2
"""Attempts that may have been paid for and brought nothing, before a painting is given up."""

Box = tuple[float, float, float, float]


@contextmanager
def open_openai(config: OpenAIImages, folder: Path) -> Iterator[OpenAIGenerator]:
    """The generator that the settings ask for, as long as the block lasts.

    Args:
        folder: where the ledger lies, with every image that was paid for.

    Raises:
        ConfigError: no key where one is needed, a base_url that is none, or a budget for a model of unknown price.
        MissingExtra: openai is not installed.
    """
    if config.max_cost is not None and price_of(config.model) is None:
        raise ConfigError(
            f"no price is known for {config.model}, so --max-cost cannot be kept: leave it out, or take one of "
            + ", ".join(PRICES)
        )
    with serving(config, retries=0) as server:
        ledger = Ledger(folder)
        if config.max_cost is not None:
            logger.info("spent on images so far: $%.2f of $%.2f", ledger.total(), config.max_cost)
        yield OpenAIGenerator(server, config, ledger)


@dataclass(frozen=True)
class Order:
    """One image to be paid for. ``place``: where the painting lies in ``picture``, in pixels."""

    picture: bytes
    place: Box
    size: tuple[int, int]
    prompt: str
    digest: str

    @property
    def size_name(self) -> str:
        return f"{self.size[0]}x{self.size[1]}"


class OpenAIGenerator:
    """Implements ``ImageGenerator``. The API takes no seed: a variant can be had again only from the ledger."""

    def __init__(self, server: Server, config: OpenAIImages, ledger: Ledger) -> None:
        self.batch = max(config.concurrency, min(256, 16 * config.concurrency))
        self._server = server
        self._config = config
        self._ledger = ledger
        self._price = price_of(config.model)
        self._variations = config.model == VARIATIONS
        self._quality = "" if self._variations else config.image_quality

    def generate(self, tasks: Sequence[ImageTask]) -> list[Made | Reject]:
        """A variant for each task, or why there is none.

        Raises:
            BudgetReached: the next image would pass ``max_cost``. What was paid for is kept for the next run.
            ConfigError, ArtsimError: the key or the model is wrong, or the server is gone.
        """
        try:
            return self._server.calls.run(self._one, tasks)
        except BudgetReached as reached:
            self._ledger.total()
            raise self._ledger.reached(reached.max_cost) from None  # counts what was still under way then

    def careful(self, task: ImageTask) -> Made | Reject | None:
        """None: the API knows no more careful way."""
        return None

    async def _one(self, task: ImageTask) -> Made | Reject:
        if task.image is None:
            raise ConfigError("the openai generator repaints paintings; take another to make images from text alone")
        order = await asyncio.to_thread(self._order, task, task.image)
        paid = self._ledger.find(order.digest) or await self._buy(order)
        if isinstance(paid, Reject):
            return paid
        answer, facts = paid
        pixels = await asyncio.to_thread(cut, answer, order.place, order.size, task.image.shape[1::-1])
        return Made(pixels, self._provenance(task, order, facts.get("cost_usd")))

    def _order(self, task: ImageTask, painting: Pixels) -> Order:
        size = _SQUARE if self._variations else nearest_size(painting.shape[1], painting.shape[0])
        picture, place = fit(painting, size)
        prompt = "" if self._variations else task.prompt or PLAIN_PROMPT
        asked = [self._config.model, size, self._quality, prompt, str(task.seed), list(picture.shape)]
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "PNG", compress_level=1)
        return Order(stream.getvalue(), place, size, prompt, digest(*asked, picture.tobytes()))

    def _provenance(self, task: ImageTask, order: Order, cost: float | None) -> dict[str, Any]:
        return {
            "generator": "openai",
            "model": self._config.model,
            "size": order.size_name,
            "quality": self._quality or None,
            "cost_usd": cost,
            "prompt_read": bool(task.prompt) and not self._variations,
            "seed_used": False,
            "request": order.digest,
        }

    async def _buy(self, order: Order) -> tuple[bytes, dict[str, Any]] | Reject:
        """The image, paid for and stored. One that cannot be opened is bought once more."""
        attempts = lost = 0
        while True:
            try:
                answer = await self._attempt(order)
            except _Failed as failed:
                attempts, lost = attempts + 1, lost + failed.paid
                if not may_work_later(failed.error) or attempts > RETRIES or lost >= _LOST:
                    return self._server.sort(failed.error)
                await asyncio.sleep(wait_before(attempts, failed.error))
                continue
            self._server.answered()
            if answer is not None:
                return answer
            lost += 1
            if lost >= _LOST:
                return Reject("bad_answer", f"{self._server.name} answered no image that can be opened, {lost} times")

    async def _attempt(self, order: Order) -> tuple[bytes, dict[str, Any]] | None:
        """One request. When this ends, however it ends, the ledger knows what it cost or may have cost."""
        import openai

        await self._server.calls.turn()
        cost = self._price.before(order.size_name, self._quality) if self._price else None
        ticket = self._ledger.allow(cost or 0.0, self._config.max_cost)
        spent = cost or 0.0
        try:
            response = await self._send(order)
            usage: Any = getattr(response, "usage", None)
            if self._price and (counted := self._price.after(usage)) is not None:
                cost = spent = round(counted, 6)
            image = await asyncio.to_thread(opened, response, self._server.name)
            if image is None:
                return None
            tokens = usage.model_dump(mode="json") if hasattr(usage, "model_dump") else None
            facts = {"cost_usd": cost, "model": self._config.model, "usage": tokens}
            self._ledger.keep(order.digest, image, facts)
            return image, facts
        except openai.APIError as error:
            paid = may_be_paid(error)
            spent = spent if paid else 0.0
            if paid:
                logger.warning("an image did not arrive and may have been paid for: $%.4f counted as spent", spent)
            raise _Failed(error, paid) from None
        except ValueError:  # no JSON: the client lets it through
            return None
        finally:
            self._ledger.settle(ticket, spent)

    async def _send(self, order: Order) -> object:
        images, picture = self._server.client.images, ("painting.png", order.picture, "image/png")
        size: Any = order.size_name
        if not self._variations:
            return await images.edit(
                model=self._config.model,
                image=picture,
                prompt=order.prompt,
                size=size,
                quality=self._config.image_quality,
            )
        with warnings.catch_warnings():  # deprecated at OpenAI; other servers go on with it
            warnings.simplefilter("ignore", DeprecationWarning)
            sent = images.create_variation(model=VARIATIONS, image=picture, size=size, response_format="b64_json")
        return await sent


class _Failed(Exception):
    """A request that brought no image; ``paid`` when it may have been charged all the same."""

    def __init__(self, error: APIError, paid: bool) -> None:
        super().__init__()
        self.error = error
        self.paid = paid


def may_be_paid(error: APIError) -> bool:
    """Whether a request that failed may have cost money: it was sent, and no refusal came back."""
    import openai

    return isinstance(error, openai.APIConnectionError) and not never_connected(error)


def opened(response: object, server: str) -> bytes | None:
    """The image in a server's answer, as it came; None when there is none that can be opened.

    Raises ConfigError for a server that answers with addresses: each would be one more request that may fail.
    """
    data = getattr(response, "data", None)
    first = data[0] if isinstance(data, list) and data else None
    text = getattr(first, "b64_json", None)
    if not text and getattr(first, "url", None):
        raise ConfigError(f"{server} answers with addresses of images instead of images (b64_json); take another")
    try:
        image = base64.b64decode(text or "", validate=True)
        Image.open(io.BytesIO(image)).load()
    except (binascii.Error, TypeError, ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    return image


def nearest_size(width: int, height: int) -> tuple[int, int]:
    """The size of the API whose proportions are nearest.

    >>> nearest_size(768, 700), nearest_size(768, 400), nearest_size(300, 768)
    ((1024, 1024), (1536, 1024), (1024, 1536))
    """
    return min(_SIZES, key=lambda size: abs(math.log(width / height) - math.log(size[0] / size[1])))


def fit(painting: Pixels, size: tuple[int, int]) -> tuple[Pixels, Box]:
    """The painting as large as fits in ``size`` (width, height), in the middle, and where it lies.

    What is left is filled by reflection: bars would be taken for a part of the picture.
    """
    height, width = painting.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(painting).resize((w, h), Image.Resampling.BICUBIC))
    left, top = (size[0] - w) // 2, (size[1] - h) // 2
    around = ((top, size[1] - h - top), (left, size[0] - w - left), (0, 0))
    return np.pad(small, around, mode="symmetric"), (left, top, left + w, top + h)


def cut(answer: bytes, place: Box, size: tuple[int, int], back: tuple[int, ...]) -> Pixels:
    """The part of an answer that shows the painting, at ``back`` (width, height).

    Args:
        place: of the painting in what was sent, whose size was ``size``. An answer of another size is taken to show
            the same picture.
    """
    image = Image.open(io.BytesIO(answer)).convert("RGB")
    x, y = image.width / size[0], image.height / size[1]
    box = (place[0] * x, place[1] * y, min(place[2] * x, image.width), min(place[3] * y, image.height))
    return np.asarray(image.resize((back[0], back[1]), Image.Resampling.BICUBIC, box=box))
