"""Prompts by a chat model in this process; Llama 3 8B Instruct, as S1, by default.

Sampling as the libraries do it draws from one stream of random numbers for a whole batch, so that a prompt depends on
its neighbours, on where the build was interrupted and on the size of the batch. Here every prompt has a stream of its
own, seeded by its task, and uses one number of it for each token: the token at which the sum of the probabilities,
likeliest first, passes that number. The draw is made inside a logits processor, which leaves the drawn token alone;
``generate`` then takes it greedily. Chats are padded to multiples of 64 tokens and only meet chats of the same length.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import seed_from
from builder.model_config import LlmPrompt
from builder.models import PromptTask, PromptWriter, instructions
from builder.models.cleaning import judge_prompt
from builder.models.devices import Batcher, best_device, choose_dtype, free_memory
from builder.models.weights import Weights, loading
from builder.stage import Reject

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

ATTEMPTS = 3
BUCKET = 64
"""Chats are padded to multiples of so many tokens."""

WINDOW = 8
"""Batches of tasks that are taken at once, so that chats of like length fill whole batches."""

_TURN_ENDS = ("<|eot_id|>", "<|im_end|>", "<end_of_turn>", "<|end|>")
"""Marks that end a turn: some checkpoints do not list theirs among the end tokens."""

_GREEDY: dict[str, Any] = {
    "do_sample": False,
    "num_beams": 1,
    "temperature": None,
    "top_p": None,
    "top_k": None,
    "min_p": None,
    "max_length": None,
}


@contextmanager
def open_chat(weights: Weights, config: LlmPrompt) -> Iterator[PromptWriter]:
    """Loads the chat model for as long as the block lasts.

    Raises ConfigError when the weights cannot be had, or have no chat template.
    """
    writer = ChatWriter(weights, config)
    try:
        yield writer
    finally:
        writer.close()


@dataclass(frozen=True)
class _Chat:
    """One question to the model: the tokens of a chat and the seed of the answer."""

    tokens: tuple[int, ...]
    seed: int

    @property
    def length(self) -> int:
        """Tokens with padding."""
        return -(-len(self.tokens) // BUCKET) * BUCKET


class ChatWriter:
    """PromptWriter: the same task gives the same prompt, in every batch."""

    def __init__(self, weights: Weights, config: LlmPrompt) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        self.device = best_device()
        self.batch = config.batch * WINDOW
        self._config = config
        with loading(weights.name):
            self._tokenizer: Any = AutoTokenizer.from_pretrained(**weights.where())
            if not self._tokenizer.chat_template:
                raise ConfigError(
                    f"{weights.name} has no chat template, so it cannot be told what to write; "
                    "choose an instruct model with --set prompt.model=..."
                )
            dtype = choose_dtype(config.dtype, self.device, auto="bfloat16")
            model: Any = AutoModelForCausalLM.from_pretrained(**weights.where(), dtype=dtype)
        model.generation_config.update(**_GREEDY)
        self._model: Any = model.to(self.device).eval()
        self._ends = _end_tokens(self._tokenizer, self._model)
        self._pad = next(
            token
            for token in (self._tokenizer.pad_token_id, model.config.pad_token_id, *self._ends)
            if token is not None
        )
        self._batcher = Batcher(config.batch)
        logger.info("%s writes prompts on %s in %s", weights.name, self.device, str(dtype).removeprefix("torch."))

    def close(self) -> None:
        """Frees the model: the next stage needs the memory."""
        del self._model
        free_memory()

    def write(self, tasks: Sequence[PromptTask]) -> list[str | Reject]:
        """One prompt for each task, or the reject of its last attempt.

        Three attempts are made at a prompt that cannot be used; only one at temperature 0, where all would be alike.
        """
        chats = [self._tokens(instructions.messages(task)) for task in tasks]
        prompts: dict[int, str | Reject] = {}
        waiting = list(range(len(tasks)))
        for attempt in range(ATTEMPTS if self._config.temperature else 1):
            asked = [_Chat(chats[place], seed_from(tasks[place].seed, "prompt", attempt)) for place in waiting]
            for place, (answer, finished) in zip(waiting, self._answers(asked), strict=True):
                prompts[place] = judge_prompt(answer, tasks[place].painting, finished)
            waiting = [place for place in waiting if isinstance(prompts[place], Reject)]
        return [prompts[place] for place in range(len(tasks))]

    def _tokens(self, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """The chat as the model reads it, ending where its answer begins."""
        from jinja2.exceptions import TemplateError

        # the last option turns long thoughts off where a model has them; other templates do not look at it
        options = {"add_generation_prompt": True, "return_dict": True, "enable_thinking": False}
        try:
            encoded = self._tokenizer.apply_chat_template(list(messages), **options)
        except TemplateError:  # a template that knows no system role: the instructions come first in the user's turn
            both = "\n\n".join(message["content"] for message in messages)
            encoded = self._tokenizer.apply_chat_template([{"role": "user", "content": both}], **options)
        return tuple(encoded["input_ids"])

    def _answers(self, chats: Sequence[_Chat]) -> list[tuple[str, bool]]:
        """The answer to each chat, and whether the model came to its end."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for place, chat in enumerate(chats):
            by_length[chat.length].append(place)
        answers: dict[int, tuple[str, bool]] = {}
        for _, places in sorted(by_length.items()):
            batch = self._batcher(self._generate, [chats[place] for place in places])
            answers.update(zip(places, batch, strict=True))
        return [answers[place] for place in range(len(chats))]

    def _generate(self, chats: Sequence[_Chat]) -> list[tuple[str, bool]]:
        """Answers to chats that are padded to the same length."""
        import torch
        from transformers import LogitsProcessorList

        length, most = chats[0].length, self._config.max_new_tokens
        tokens = torch.full((len(chats), length), self._pad)
        mask = torch.zeros_like(tokens)
        for row, chat in enumerate(chats):
            tokens[row, length - len(chat.tokens) :] = torch.tensor(chat.tokens)
            mask[row, length - len(chat.tokens) :] = 1
        draws = []
        if self._config.temperature:
            numbers = uniform_numbers([chat.seed for chat in chats], most).to(self.device)
            draws.append(SeededDraw(numbers, length, self._config.temperature, self._config.top_p))
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=tokens.to(self.device),
                attention_mask=mask.to(self.device),
                max_new_tokens=most,
                eos_token_id=self._ends,
                pad_token_id=self._pad,
                logits_processor=LogitsProcessorList(draws),
            )
        said = output[:, length:].tolist()
        texts = self._tokenizer.batch_decode(said, skip_special_tokens=True)
        return [(text, not set(self._ends).isdisjoint(row)) for text, row in zip(texts, said, strict=True)]


def uniform_numbers(seeds: Sequence[int], length: int) -> torch.Tensor:
    """``length`` numbers in [0, 1) for each seed, one row each, by generators on the CPU: alike on every machine."""
    import torch

    rows = [torch.rand(length, generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds]
    return torch.stack(rows)


class SeededDraw:
    """LogitsProcessor that draws a token for each row with that row's own random numbers.

    As with the libraries' sampling, probabilities are those at ``temperature`` among the likeliest tokens that together
    have ``top_p``, the one that passes it included.

    Args:
        numbers: in [0, 1), shape (rows, steps).
        start: tokens before the first step.
    """

    def __init__(self, numbers: torch.Tensor, start: int, temperature: float, top_p: float) -> None:
        self._numbers = numbers
        self._start = start
        self._temperature = temperature
        self._top_p = top_p

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores that are 0 for the drawn token and minus infinity for the others."""
        import torch

        ranked, order = torch.sort(scores.float() / self._temperature, dim=-1, descending=True, stable=True)
        reached = ranked.softmax(-1).cumsum(-1)
        kept = torch.cat([torch.zeros_like(reached[:, :1]), reached[:, :-1]], dim=-1) < self._top_p
        total = reached.masked_fill(~kept, 0).amax(-1, keepdim=True)
        wanted = self._numbers[:, input_ids.shape[1] - self._start, None] * total
        place = (kept & (reached <= wanted)).sum(-1, keepdim=True)
        place = torch.minimum(place, kept.sum(-1, keepdim=True) - 1)  # rounding must not lead past the last one
        drawn = order.gather(-1, place)
        return torch.full_like(scores, float("-inf")).scatter(-1, drawn, 0)


def _end_tokens(tokenizer: Any, model: Any) -> list[int]:
    """The tokens that end an answer: those of the checkpoint and of its tokenizer, and known marks of a turn's end."""
    listed = model.generation_config.eos_token_id
    ends = {*(listed if isinstance(listed, list) else [listed]), tokenizer.eos_token_id}
    ends.update(tokenizer.get_vocab().get(mark) for mark in _TURN_ENDS)
    return sorted(end for end in ends if end is not None)
