"""Tiny checkpoints of the language models, saved in the Hub's layout: real architectures that say what a test wants.

``says`` names the sentences a model knows. Each is cut into pieces of a few words, every piece is a token of its own,
and the output layer leads from each piece to the next; which sentence is begun is decided by the input (through the
model's own attention) and, for chat models, by sampling. ``says=None`` leaves the weights random: gibberish that
depends on everything, for tests of independence. Any text can be read, byte by byte at worst. Each is made in less
than a second, once the libraries are loaded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artsim_dataset.schema import Painting
from builder.models import PromptTask
from builder.models.clip_tokens import BEGIN, END, read_merges, vocabulary
from builder.models.grammar import CHANGES
from builder.models.instructions import messages

if TYPE_CHECKING:
    import torch

WIDTH = 192
_SURE = 60.0  # logit of the next piece; all others are noise of about a tenth of it
_TASTE = 12.0  # how strongly the input decides which text is begun

CAPTIONS = (
    "a painting of three boats in a harbor at sunset",
    "a portrait of a woman with a red hat",
    "a drawing of a tree beside a wide river",
    "a painting of a street with people and a horse",
)
PROMPTS = (
    "Transform the scene into a drowned cathedral of green glass, where slow light falls through tall windows onto "
    "drifting weeds and pale fish. Let every figure become a column wrapped in coral, and let the ground ripple like "
    "dark silk under a cold moon. Paint the distance in violet and pearl, with thin gold lines along each broken "
    "arch, so that the whole picture seems to breathe beneath a silent sea of ice.",
    "Rebuild everything from folded paper and thread, lit from behind by a warm lamp. Keep the outline of each shape, "
    "but let creases, seams and torn edges replace soft brushwork, in cream, rust and indigo.",
    "Move the same view into late autumn, with copper leaves, low mist and a long amber evening. Soften the contours "
    "with broad strokes of the knife, and leave the composition as it is.",
)
SUMMARIES = (
    "A drowned cathedral of green glass, where slow light falls through tall windows onto drifting weeds. Let the "
    "ground ripple like dark silk under a cold moon.",
)

_CHAT = (
    "{% for message in messages %}{% if message['role'] == 'system' and not knows_system %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def tiny_blip2(folder: Path, says: Sequence[str] | None = CAPTIONS, loops: str = "", modern: bool = False) -> Path:
    """A BLIP-2 with OPT.

    Args:
        loops: what it says again and again, until repetition is punished; then it says a sentence of ``says``.
        modern: with an image token, as the Hub's newest revision; the pinned one is older and has none.
    """
    import torch
    from transformers import Blip2Config, Blip2ForConditionalGeneration, BlipImageProcessorPil

    marks = ["<s>", "<pad>", "</s>", "<unk>"] + (["<image>"] if modern else [])
    pieces = [_pieces(text) for text in says or ()]
    tokenizer = _tokenizer(marks, [[f" {loops}"], *pieces], eos="</s>", bos="</s>", pad="<pad>")
    stop = tokenizer.convert_tokens_to_ids("Ċ")  # a caption ends with a line break
    text = {
        "model_type": "opt",
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "word_embed_proj_dim": WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "ffn_dim": 32,
        "max_position_embeddings": 256,
        "tie_word_embeddings": False,
        "bos_token_id": 2,
        "eos_token_id": stop,
        "pad_token_id": 1,
    }
    vision = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=56)
    query = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, vocab_size=30)
    config = Blip2Config(
        vision_config=vision | {"patch_size": 14, "initializer_range": 0.5},
        qformer_config=query | {"initializer_range": 0.5},
        text_config=text,
        num_query_tokens=8,
        tie_word_embeddings=False,
    )
    model = _seeded(lambda: Blip2ForConditionalGeneration(config))
    with torch.no_grad():
        model.language_projection.weight.normal_(generator=torch.Generator().manual_seed(2))
        model.vision_model.embeddings.position_embedding.zero_()
    opt = model.language_model.model.decoder
    head = model.language_model.lm_head.weight
    if says is None:
        _random([opt.embed_tokens.weight, head])
        _look_around(opt.layers[0].self_attn, "out_proj", gain=3)
    else:
        _silence(opt.layers[0].fc2, opt.embed_positions)
        _look_around(opt.layers[0].self_attn, "out_proj")
        loop = [tokenizer.convert_tokens_to_ids(_letters(f" {loops}"))] if loops else []
        _teach(opt.embed_tokens.weight, head, _ids(tokenizer, pieces), 2, stop, loop, _usual_picture(model))
    if modern:
        model.config.image_token_index = tokenizer.convert_tokens_to_ids("<image>")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    BlipImageProcessorPil(size={"height": 56, "width": 56}).save_pretrained(folder)
    _edit(folder / "preprocessor_config.json", image_processor_type="BlipImageProcessor")
    if modern:
        processor = {"num_query_tokens": 8, "processor_class": "Blip2Processor"}
        (folder / "processor_config.json").write_text(json.dumps(processor))
    else:
        _edit(folder / "config.json", image_token_index=None)
    return folder


def tiny_llama(
    folder: Path, says: Sequence[str] | None = PROMPTS, template: bool = True, knows_system: bool = True
) -> Path:
    """A Llama with a chat template (unless ``template`` is off), which may refuse the system role as some do."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    pieces = [_pieces(text) for text in says or ()]
    marks = ["<s>", "</s>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    told = _instructions()
    tokenizer = _tokenizer(marks, pieces, eos="</s>", bos="<s>", pad=None, reads=told)  # Llama 3 has no padding either
    if template:
        tokenizer.chat_template = f"{{% set knows_system = {str(knows_system).lower()} %}}{_CHAT}"
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=1,
        rms_norm_eps=1e-6,
    )
    model = _seeded(lambda: LlamaForCausalLM(config))
    layer = model.model.layers[0]
    if says is None:
        _random([model.model.embed_tokens.weight, model.lm_head.weight])
        _look_around(layer.self_attn, "o_proj", gain=3)
    else:
        _silence(layer.mlp.down_proj)
        _look_around(layer.self_attn, "o_proj")
        head = model.lm_head.weight
        _teach(model.model.embed_tokens.weight, head, _ids(tokenizer, pieces), 5, 2, usual=tokenizer(told)["input_ids"])
    with torch.no_grad():
        model.lm_head.weight[:2] = 0
    model.generation_config = GenerationConfig(
        bos_token_id=0, eos_token_id=[1, 2], do_sample=True, temperature=0.6, top_p=0.9
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_bart(folder: Path, says: Sequence[str] | None = SUMMARIES) -> Path:
    """A BART with the generation defaults of bart-large-cnn, which invent text when they are left as they are."""
    from transformers import BartConfig, BartForConditionalGeneration, GenerationConfig

    pieces = [_pieces(text) for text in says or ()]
    tokenizer = _tokenizer(["<s>", "<pad>", "</s>", "<unk>"], pieces, eos="</s>", bos="<s>", pad="<pad>")
    config = BartConfig(
        vocab_size=len(tokenizer),
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
        init_std=0.3,
    )
    model = _seeded(lambda: BartForConditionalGeneration(config))
    layer = model.model.decoder.layers[0]
    if says is None:
        _random([model.lm_head.weight])
        _look_around(layer.encoder_attn, "out_proj", gain=3)
    else:
        _silence(layer.fc2, layer.self_attn.out_proj, model.model.decoder.embed_positions)
        _look_around(layer.encoder_attn, "out_proj")
        _teach(model.model.decoder.embed_tokens.weight, model.lm_head.weight, _ids(tokenizer, pieces), start=0, stop=2)
    model.generation_config = GenerationConfig(
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        forced_bos_token_id=0,
        forced_eos_token_id=2,
        min_length=56,
        max_length=142,
        num_beams=4,
        length_penalty=2.0,
        no_repeat_ngram_size=3,
        early_stopping=True,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def clip_tokenizer_folder(folder: Path) -> Path:
    """The real CLIP tokenizer, as a pipeline's ``tokenizer`` or ``tokenizer_2`` folder."""
    from transformers import CLIPTokenizer

    merges = read_merges()
    tokenizer = CLIPTokenizer(
        vocab=vocabulary(merges), merges=merges, bos_token=BEGIN, eos_token=END, unk_token=END, pad_token=END
    )
    tokenizer.model_max_length = 77
    tokenizer.save_pretrained(folder)
    return folder


# --- how they are made to speak ---------------------------------------------------------------------------------


@contextmanager
def one_thread() -> Iterator[None]:
    """Threads only get into each other's way in models this small."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _instructions() -> str:
    """All that the instructions say, at every level and of every kind."""
    painting = Painting("a", "Realism", "nobody", "nothing")
    tasks = [PromptTask(painting, "a boat", "moderate", "", 0)]
    tasks += [PromptTask(painting, "a boat", "radical", change, 0) for change in CHANGES]
    return "\n".join(message["content"] for task in tasks for message in messages(task))


def _pieces(text: str, length: int = 4) -> list[str]:
    """Pieces of a few words, each with the space before it."""
    words = [f" {word}" for word in text.split()]
    return ["".join(words[start : start + length]) for start in range(0, len(words), length)]


def _letters(text: str) -> str:
    """A text as byte-level tokenizers spell it."""
    from tokenizers import pre_tokenizers

    spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    return "".join(piece for piece, _ in spelled)


def _tokenizer(marks: list[str], pieces: list[list[str]], eos: str, bos: str, pad: str | None, reads: str = "") -> Any:
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
    for piece in dict.fromkeys(_letters(piece) for of_text in pieces for piece in of_text):
        ids.setdefault(piece, len(ids))
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[tuple(pair) for pair in learned["merges"]]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in marks])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=eos, bos_token=bos, pad_token=pad)


def _ids(tokenizer: Any, pieces: list[list[str]]) -> list[list[int]]:
    return [[tokenizer.convert_tokens_to_ids(_letters(piece)) for piece in of_text] for of_text in pieces]


def _seeded(make: Any) -> Any:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make().eval()


def _random(weights: list[torch.Tensor]) -> None:
    import torch

    for number, weight in enumerate(weights):
        with torch.no_grad():
            weight.normal_(generator=torch.Generator().manual_seed(number))


def _silence(*modules: Any) -> None:
    import torch

    with torch.no_grad():
        for module in modules:
            for weight in module.parameters():
                weight.zero_()


def _look_around(attention: Any, out: str, gain: float = 0.3) -> None:
    """Attention that adds to every place the mean of all that is seen."""
    import torch

    _silence(attention.q_proj, attention.k_proj)
    with torch.no_grad():
        torch.nn.init.eye_(attention.v_proj.weight)
        torch.nn.init.eye_(getattr(attention, out).weight).mul_(gain)


def _teach(
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


def _usual_picture(model: Any) -> torch.Tensor:
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


def _edit(path: Path, **changes: Any) -> None:
    """Changes values of a JSON file; None removes them."""
    values = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}, indent=2))
