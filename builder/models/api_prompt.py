"""Prompts by a chat model on any OpenAI-compatible server: OpenAI's own, vLLM, Ollama, llama.cpp.

The same instructions and the same judge as for a model in this process. An answer that cannot be used is asked for
again with another seed, twice; requests run side by side, so one slow answer holds up nobody else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from artsim_dataset.schema import Painting
from builder.model_config import LlmPrompt
from builder.models import PromptTask
from builder.models.api import FINAL, Server, serving
from builder.models.cleaning import judge_prompt
from builder.models.instructions import messages
from builder.stage import Reject

logger = logging.getLogger(__name__)

ATTEMPTS = 3

_SEEDS = 0x7FFF_FFFF
"""Servers take seeds of 31 bits."""

_UNSUPPORTED = ("unsupported_parameter", "unsupported_value")
_KNOWN_AS = {"max_tokens": "max_completion_tokens", "temperature": "", "top_p": "", "seed": ""}
"""What a model may refuse (OpenAI's reasoning models do), and what is sent instead: '' is nothing."""

_NO_ANSWER = Reject("bad_answer", "the server's answer is no chat completion")


@contextmanager
def open_server(config: LlmPrompt) -> Iterator[ServerWriter]:
    """The writer that the settings ask for, as long as the block lasts.

    Raises:
        ConfigError: no key where one is needed, or a base_url that is none. MissingExtra: openai is not installed.
    """
    with serving(config) as server:
        yield ServerWriter(server, config)


class ServerWriter:
    """Implements ``PromptWriter``. ``batch`` is large: between two batches, the server is idle."""

    batch = 1024

    def __init__(self, server: Server, config: LlmPrompt) -> None:
        self._server = server
        self._config = config
        self._refused: set[str] = set()

    def write(self, tasks: Sequence[PromptTask]) -> list[str | Reject]:
        """One prompt for each task, or why there is none.

        Raises:
            ConfigError, ArtsimError: the key or the model is wrong, or the server is gone.
        """
        return self._server.calls.run(self._one, tasks)

    async def _one(self, task: PromptTask) -> str | Reject:
        judged = _NO_ANSWER
        for attempt in range(ATTEMPTS):
            answer = await self._server.ask(partial(self._send, task, task.seed + attempt))
            prompt = answer if isinstance(answer, Reject) else _judge(answer, task.painting)
            if isinstance(prompt, str) or prompt.reason in FINAL:
                return prompt
            judged = prompt
        return Reject(judged.reason, f"{judged.message} ({ATTEMPTS} attempts)")

    async def _send(self, task: PromptTask, seed: int) -> object:
        """The server's JSON. ``post`` is the client's way without its typed parameters and answers: checking the type
        of every message against all that it could be takes more time than all else that the client does."""
        import openai

        config = self._config
        body = {
            "model": config.model,
            "messages": messages(task),
            "seed": seed & _SEEDS,
            "temperature": config.temperature,
            "top_p": config.top_p,
            "max_tokens": config.max_new_tokens,
        }
        sent = {_KNOWN_AS[key] if key in self._refused else key: value for key, value in body.items()}
        sent.pop("", None)
        try:
            return await self._server.client.post("/chat/completions", cast_to=object, body=sent)
        except openai.BadRequestError as error:
            if error.code not in _UNSUPPORTED or error.param not in _KNOWN_AS or error.param not in sent:
                raise
            if error.param not in self._refused:
                self._refused.add(error.param)
                instead = _KNOWN_AS[error.param] or "nothing"
                logger.warning("%s takes no %s: %s is sent instead", config.model, error.param, instead)
            return await self._send(task, seed)


def _judge(answer: object, painting: Painting) -> str | Reject:
    """The prompt in a server's answer, which may be any JSON, or text where JSON was expected."""
    choices = _in(answer, "choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    said, stopped = _in(choice, "message"), _in(choice, "finish_reason")
    refusal, text = _in(said, "refusal"), _in(said, "content")
    if stopped == "content_filter":
        return Reject("refusal", "the content filter of the server stopped the answer")
    if isinstance(refusal, str) and refusal:
        return Reject("refusal", f"the language model refused: '{refusal[:100]}'")
    if not isinstance(text, str):
        return _NO_ANSWER
    return judge_prompt(text, painting, finished=stopped != "length")


def _in(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None
