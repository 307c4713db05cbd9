"""Prompts made short enough for CLIP by a summariser, bart-large-cnn as in S1, and by clause dropping where it fails.

bart-large-cnn was trained on news: its defaults ask for at least 56 tokens, and where there is less to say it invents.
So the defaults go, and a summary is only used when it is shorter than what it sums up (but no mere headline), ends
where a sentence ends, and says little that was not said before. What counts is the generator's own CLIP tokenizer.
Nothing is cut off unseen: a prompt that no summary makes short enough loses whole clauses (`lite_compress`).
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from builder.model_config import SummaryCompress
from builder.models import Compressor, clip_tokens
from builder.models.devices import Batcher, best_device, choose_dtype, free_memory
from builder.models.facts import words
from builder.models.lite_compress import ClauseDropper
from builder.models.weights import Weights, loading
from builder.stage import Reject

logger = logging.getLogger(__name__)

Count = Callable[[str], int]

BUCKET = 64
"""Texts are padded to multiples of so many tokens."""

WINDOW = 8
"""Batches of prompts that are taken at once: those that fit cost nothing, the others fill whole batches."""

_OPENING = re.compile(r"transform\b[^.!?]{0,200}?\binto\s+(?=\w)", re.IGNORECASE)
_LAST_SENTENCE = re.compile(r".*[.!?][\"'”’)]*(?=\s|$)", re.DOTALL)
_NEW_WORDS = 1 / 3
"""Share of the words of a summary that its source need not have: connecting words, other forms of a word."""

_PLAIN: dict[str, Any] = {
    "do_sample": False,
    "num_beams": 1,
    "min_length": 0,
    "max_length": None,
    "length_penalty": 1.0,
    "early_stopping": False,
    "forced_eos_token_id": None,
}


@contextmanager
def open_summary(weights: Weights, reader: Weights | None, config: SummaryCompress) -> Iterator[Compressor]:
    """Loads the summariser for as long as the block lasts.

    Args:
        reader: the pipeline that will read the prompts; its tokenizer counts. Without one, the CLIP tokenizer that
            artsim ships.

    Raises ConfigError when the weights cannot be had.
    """
    count = clip_counter(reader) if reader else None
    compressor = SummaryCompressor(weights, count or clip_tokens.count, config)
    try:
        yield compressor
    finally:
        compressor.close()


def clip_counter(weights: Weights, subfolders: Sequence[str] = ("tokenizer_2", "tokenizer")) -> Count | None:
    """Counts tokens, without begin and end marks and never cutting, with the CLIP tokenizer of a pipeline.

    The first of ``subfolders`` that the pipeline has one in: an SDXL Refiner has only ``tokenizer_2``. None when it has
    none, or is no pipeline. Raises ConfigError when its files cannot be had.
    """
    from transformers import AutoTokenizer

    with loading(weights.name):
        parts = _pipeline_parts(weights)
        found = next((name for name in subfolders if (parts.get(name) or "").startswith("CLIP")), None)
        if found is None:
            return None
        tokenizer: Any = AutoTokenizer.from_pretrained(**weights.where(), subfolder=found)
    return lambda text: len(tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])


def _pipeline_parts(weights: Weights) -> dict[str, str | None]:
    """The class of each part of a diffusers pipeline; empty for what is none.

    Read from its index, which every cache of a pipeline holds, so that this works offline too.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    index = Path(weights.folder) / "model_index.json"
    if not weights.folder:
        try:
            index = Path(hf_hub_download(weights.name, "model_index.json", revision=weights.revision))
        except LocalEntryNotFoundError:  # offline and not in the cache: an EntryNotFoundError too, but no answer
            raise
        except EntryNotFoundError:
            return {}
    if not index.is_file():
        return {}
    parts = json.loads(index.read_text(encoding="utf-8"))
    return {name: part[1] for name, part in parts.items() if isinstance(part, list) and len(part) == 2}


@dataclass(frozen=True)
class CountingDropper(ClauseDropper):
    """ClauseDropper that counts with another tokenizer than artsim's own."""

    counter: Count = clip_tokens.count

    def count(self, text: str) -> int:
        """Tokens of a text, without the begin and end marks."""
        return self.counter(text)


class SummaryCompressor:
    """Compressor: a prompt that fits stays as it is; a longer one is summed up, and loses clauses if that fails."""

    def __init__(self, weights: Weights, counter: Count, config: SummaryCompress) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        self.device = best_device()
        self.batch = config.batch * WINDOW
        self._config = config
        self._count = counter
        self._dropper = CountingDropper(config.max_tokens, counter)
        with loading(weights.name):
            self._tokenizer: Any = AutoTokenizer.from_pretrained(**weights.where())
            dtype = choose_dtype(config.dtype, self.device)
            model: Any = AutoModelForSeq2SeqLM.from_pretrained(**weights.where(), dtype=dtype)
        for option, value in _PLAIN.items():
            setattr(model.generation_config, option, value)
        self._model: Any = model.to(self.device).eval()
        self._batcher = Batcher(config.batch)
        logger.info("%s compresses on %s in %s", weights.name, self.device, str(dtype).removeprefix("torch."))

    def close(self) -> None:
        """Frees the model: the next stage needs the memory."""
        del self._model
        free_memory()

    def count(self, text: str) -> int:
        """Tokens of a text, without the begin and end marks."""
        return self._count(text)

    def compress(self, prompts: Sequence[str]) -> list[str | Reject]:
        """Each prompt in at most ``max_tokens``; one that fits is returned unchanged, an empty one is rejected."""
        short = {place: self._without_opening(text) for place, text in enumerate(prompts) if not self._fits(text)}
        waiting = [place for place, text in short.items() if not self._fits(text)]
        summed = set(short) - set(waiting)  # they needed no more than the opening to go
        for _ in range(self._config.rounds):
            used = {}
            for place, summary in zip(waiting, self._sum_up([short[place] for place in waiting]), strict=True):
                if self._is_usable(summary, short[place]):
                    used[place] = summary
            short |= used
            summed |= set(used)
            waiting = [place for place in used if not self._fits(short[place])]
        texts = [short[place] if place in summed else prompt for place, prompt in enumerate(prompts)]
        return self._dropper.compress(texts)

    def _fits(self, text: str) -> bool:
        return not text.strip() or self._count(text) <= self._config.max_tokens

    def _is_usable(self, summary: str, source: str) -> bool:
        """Whether a summary says enough, is shorter than its source, and does not invent."""
        said, known = words(summary), frozenset(words(source))
        if not said or not self._config.max_tokens // 5 <= self._count(summary) < self._count(source):
            return False
        return sum(word not in known for word in said) <= _NEW_WORDS * len(said)

    @staticmethod
    def _without_opening(prompt: str) -> str:
        """S1's cut: what follows "Transform ... into" says all of it."""
        text = prompt.strip()
        opening = _OPENING.match(text)
        return text[opening.end()].upper() + text[opening.end() + 1 :] if opening else text

    def _sum_up(self, texts: Sequence[str]) -> list[str]:
        """A summary of each text, in whole sentences; '' where there is none, or the text is too long to be read."""
        return [_whole_sentences(" ".join(summary.split())) for summary in self._raw(texts)]

    def _raw(self, texts: Sequence[str]) -> list[str]:
        """What the model says of each text. Only texts of the same padded length share a batch."""
        encoded = [self._tokenizer(text, verbose=False)["input_ids"] for text in texts]
        by_length: dict[int, list[int]] = defaultdict(list)
        for place, tokens in enumerate(encoded):
            by_length[-(-len(tokens) // BUCKET) * BUCKET].append(place)
        said = [""] * len(texts)
        for length, places in sorted(by_length.items()):
            if length <= self._longest():
                run = partial(self._generate, length=length)
                batch = self._batcher(run, [encoded[place] for place in places])
                for place, text in zip(places, batch, strict=True):
                    said[place] = text
        return said

    def _longest(self) -> int:
        """Tokens that the model can read at once."""
        return int(getattr(self._model.config, "max_position_embeddings", None) or 1024)

    def _generate(self, rows: Sequence[Sequence[int]], length: int) -> list[str]:
        import torch

        pad = self._tokenizer.pad_token_id or 0
        tokens = torch.tensor([[*row, *[pad] * (length - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=tokens.to(self.device),
                attention_mask=mask.to(self.device),
                max_new_tokens=self._config.max_tokens * 4 // 5,  # 60 for 75, as S1
            )
        said: list[str] = self._tokenizer.batch_decode(output, skip_special_tokens=True)
        return said


def _whole_sentences(text: str) -> str:
    """The text up to the end of its last whole sentence.

    >>> _whole_sentences("Rain falls. The sea is gr")
    'Rain falls.'
    """
    whole = _LAST_SENTENCE.match(text)
    return whole[0] if whole else ""
