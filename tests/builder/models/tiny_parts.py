"""What tiny checkpoints are made of (`tiny.py`): a tokenizer that can write whole phrases, and layers set by hand.

A model "says" a text because its output layer leads from each token to the next. Nothing is trained: the embeddings are
random and nearly orthogonal, so that the row of the next token can simply be the embedding of the one before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artsim_dataset.schema import Painting
from builder.models import PromptTask
from builder.models.grammar import CHANGES
from builder.models.instructions import messages

if TYPE_CHECKING:
    import torch

WIDTH = 192
_SURE = 60.0  # logit of the next piece; all others are noise of about a tenth of it
_TASTE = 12.0  # how strongly the input decides which text is begun


def instructions() -> str:
    """All that the instructions say, at every level and of every kind."""
    painting = Painting("a", "Realism", "nobody", "nothing")
    tasks = [PromptTask(painting, "a boat", "moderate", "", 0)]
    tasks += [PromptTask(painting, "a boat", "radical", change, 0) for change in CHANGES]
    return "\n".join(message["content"] for task in tasks for message in messages(task))


def pieces_of(text: str, length: int = 4) -> list[str]:
    """Pieces of a few words, each with the space before it."""
    words = [f" {word}" for word in text.split()]
    return ["".join(words[start : start + length]) for start in range(0, len(words), length)]


def letters(text: str) -> str:
    """A text as byte-level tokenizers spell it."""
    from tokenizers import pre_tokenizers

    spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    return "".join(piece for piece, _ in spelled)


def byte_tokenizer(
    marks: list[str], pieces: list[list[str]], eos: str, bos: str, pad: str | None, reads: str = ""
) -> Any:
    """Reads texts like ``reads`` in words and any other in bytes; writes ``pieces``."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=marks, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([reads], trainer)
    learned = json.loads(tokenizer.to_str())["model"]
    ids = dict(learned["vocab"])
    for piece in dict.fromkeys(letters(piece) for of_text in pieces for piece in of_text):
        ids.setdefault(piece, len(ids))
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[tuple(pair) for pair in learned["merges"]]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in marks])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=eos, bos_token=bos, pad_token=pad)


def ids_of(tokenizer: Any, pieces: list[list[str]]) -> list[list[int]]:
    return [[tokenizer.convert_tokens_to_ids(letters(piece)) for piece in of_text] for of_text in pieces]


def seeded(make: Any) -> Any:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make().eval()


def make_random(weights: list[torch.Tensor]) -> None:
    import torch

    for number, weight in enumerate(weights):
        with torch.no_grad():
            weight.normal_(generator=torch.Generator().manual_seed(number))


def silence(*modules: Any) -> None:
    import torch

    with torch.no_grad():
        for module in modules:
            for weight in module.parameters():
                weight.zero_()


def look_around(attention: Any, out: str, gain: float = 0.3) -> None:
    """Attention that adds to every place the mean of all that is seen."""
    import torch

    silence(attention.q_proj, attention.k_proj)
    with torch.no_grad():
        torch.nn.init.eye_(attention.v_proj.weight)
        torch.nn.init.eye_(getattr(attention, out).weight).mul_(gain)


def teach(
    embedding: torch.Tensor,
    head: torch.Tensor,
    texts: list[list[int]],
    start: int,
    stop: int,
    loop: Sequence[int] = (),
    usual: torch.Tensor | list[int] | None = None,
) -> None:
    """Sets both layers so that ``start`` leads to the first token of some text, each token to the next, the last to
    ``stop``; with a ``loop``, ``start`` leads into it and it to itself, a little less strongly to the first text. What
    all inputs have in common (``usual``) decides nothing."""
    import torch

    random = torch.Generator().manual_seed(3)
    tokens = torch.randn(embedding.shape, generator=random)
    tokens = (tokens - tokens.mean(1, keepdim=True)) / tokens.std(1, keepdim=True, unbiased=False)
    leads = torch.zeros_like(tokens)
    if isinstance(usual, list):
        usual = tokens[usual].mean(0, keepdim=True)
    known = tokens[[start, *loop, *(token for text in texts for token in text)]]
    known, _ = torch.linalg.qr((known if usual is None else torch.cat([known, usual])).T)
    for text in texts:
        taste = _TASTE * torch.randn(tokens.shape[1], generator=random)
        taste -= known @ (known.T @ taste)  # begins a text, never breaks one
        for before, after in zip([start, *text], [*text, stop], strict=True):
            if after == before:
                continue
            strength = 0.85 if loop and before == start else 1.0
            leads[after] += strength * _SURE * tokens[before] / tokens.shape[1]
            leads[after] += taste / tokens.shape[1] ** 0.5 * (before == start)
    for token in loop:
        leads[token] = _SURE * (tokens[start] + tokens[token]) / tokens.shape[1]
        for text in texts[:1]:
            leads[text[0]] += 0.85 * _SURE * tokens[token] / tokens.shape[1]
    with torch.no_grad():
        embedding.copy_(tokens)
        head.copy_(leads)


def usual_picture(model: Any) -> torch.Tensor:
    """What the language model sees in any picture: the mean over plain ones."""
    import torch

    with torch.no_grad():
        shades = torch.linspace(-2, 2, 8).reshape(-1, 1, 1, 1).expand(-1, 3, 56, 56)
        seen = model.vision_model(shades).last_hidden_state
        queries = model.query_tokens.expand(len(shades), -1, -1)
        features = model.language_projection(
            model.qformer(query_embeds=queries, encoder_hidden_states=seen).last_hidden_state
        )
        return torch.nn.functional.layer_norm(features, features.shape[-1:]).mean((0, 1))[None]


def edit_json(path: Path, **changes: Any) -> None:
    """Changes values of a JSON file; None removes them."""
    values = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}, indent=2))
