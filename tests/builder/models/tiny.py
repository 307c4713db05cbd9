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

from builder.models.clip_tokens import BEGIN, END, read_merges, vocabulary
from tests.builder.models.tiny_parts import (
    WIDTH,
    byte_tokenizer,
    edit_json,
    ids_of,
    instructions,
    letters,
    look_around,
    make_random,
    pieces_of,
    seeded,
    silence,
    teach,
    usual_picture,
)

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
    pieces = [pieces_of(text) for text in says or ()]
    tokenizer = byte_tokenizer(marks, [[f" {loops}"], *pieces], eos="</s>", bos="</s>", pad="<pad>")
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
    model = seeded(lambda: Blip2ForConditionalGeneration(config))
    with torch.no_grad():
        model.language_projection.weight.normal_(generator=torch.Generator().manual_seed(2))
        model.vision_model.embeddings.position_embedding.zero_()
    opt = model.language_model.model.decoder
    head = model.language_model.lm_head.weight
    if says is None:
        make_random([opt.embed_tokens.weight, head])
        look_around(opt.layers[0].self_attn, "out_proj", gain=3)
    else:
        silence(opt.layers[0].fc2, opt.embed_positions)
        look_around(opt.layers[0].self_attn, "out_proj")
        loop = [tokenizer.convert_tokens_to_ids(letters(f" {loops}"))] if loops else []
        teach(opt.embed_tokens.weight, head, ids_of(tokenizer, pieces), 2, stop, loop, usual_picture(model))
    if modern:
        model.config.image_token_index = tokenizer.convert_tokens_to_ids("<image>")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    BlipImageProcessorPil(size={"height": 56, "width": 56}).save_pretrained(folder)
    edit_json(folder / "preprocessor_config.json", image_processor_type="BlipImageProcessor")
    if modern:
        processor = {"num_query_tokens": 8, "processor_class": "Blip2Processor"}
        (folder / "processor_config.json").write_text(json.dumps(processor))
    else:
        edit_json(folder / "config.json", image_token_index=None)
    return folder


def tiny_llama(
    folder: Path, says: Sequence[str] | None = PROMPTS, template: bool = True, knows_system: bool = True
) -> Path:
    """A Llama with a chat template (unless ``template`` is off), which may refuse the system role as some do."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    pieces = [pieces_of(text) for text in says or ()]
    marks = ["<s>", "</s>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    told = instructions()
    tokenizer = byte_tokenizer(
        marks, pieces, eos="</s>", bos="<s>", pad=None, reads=told
    )  # Llama 3 has no padding either
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
    model = seeded(lambda: LlamaForCausalLM(config))
    layer = model.model.layers[0]
    if says is None:
        make_random([model.model.embed_tokens.weight, model.lm_head.weight])
        look_around(layer.self_attn, "o_proj", gain=3)
    else:
        silence(layer.mlp.down_proj)
        look_around(layer.self_attn, "o_proj")
        head = model.lm_head.weight
        teach(
            model.model.embed_tokens.weight, head, ids_of(tokenizer, pieces), 5, 2, usual=tokenizer(told)["input_ids"]
        )
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

    pieces = [pieces_of(text) for text in says or ()]
    tokenizer = byte_tokenizer(["<s>", "<pad>", "</s>", "<unk>"], pieces, eos="</s>", bos="<s>", pad="<pad>")
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
    model = seeded(lambda: BartForConditionalGeneration(config))
    layer = model.model.decoder.layers[0]
    if says is None:
        make_random([model.lm_head.weight])
        look_around(layer.encoder_attn, "out_proj", gain=3)
    else:
        silence(layer.fc2, layer.self_attn.out_proj, model.model.decoder.embed_positions)
        look_around(layer.encoder_attn, "out_proj")
        teach(model.model.decoder.embed_tokens.weight, model.lm_head.weight, ids_of(tokenizer, pieces), start=0, stop=2)
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


@contextmanager
def one_thread() -> Iterator[None]:
    """Threads only get into each other's way in models this small."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
