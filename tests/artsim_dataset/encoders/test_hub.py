from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel, Dinov2Model, Siglip2Model, SiglipModel

from artsim_dataset.encoders import TextEncoder, get_encoder, pinned
from artsim_dataset.errors import ConfigError
from artsim_dataset.layers import Dense
from artsim_dataset.model import save_model
from tests.artsim_dataset.encoders import tiny

TEXTS = ["a harbor at dusk", "", "three women in a field of flowers " * 20]


def pictures() -> list[Image.Image]:
    """Sizes that processors get wrong: tiny, narrow, three pixels high, with alpha, grey."""
    draw = np.random.default_rng(5)
    sizes = ((40, 52), (3, 90), (70, 3), (1, 1), (200, 64))
    images = [Image.fromarray(draw.integers(0, 256, (h, w, 3)).astype(np.uint8)) for w, h in sizes]
    return [*images, images[0].convert("L")]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("encoders")
    makers = {"clip": tiny.tiny_clip, "siglip": tiny.tiny_siglip, "siglip2": tiny.tiny_siglip2,
              "dinov2": tiny.tiny_dinov2}  # fmt: skip
    return {name: make(root / name) for name, make in makers.items()}


@torch.inference_mode()
def by_hand(folder: Path, model_class: Any, look: Callable[[Any, dict[str, torch.Tensor]], torch.Tensor]) -> np.ndarray:
    """Each picture alone through the named class of transformers."""
    model = model_class.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    seen = [look(model, processor(images=[i.convert("RGB")], return_tensors="pt")) for i in pictures()]
    return torch.cat(seen).numpy()


def class_token(model: CLIPModel, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """What the last residual block of the image tower gives out, caught by a hook."""
    caught: list[torch.Tensor] = []
    block = model.vision_model.encoder.layers[-1]
    handle = block.register_forward_hook(lambda _, __, out: caught.append(out[0] if isinstance(out, tuple) else out))
    model.get_image_features(**inputs)
    handle.remove()
    return caught[0][:, 0]


CASES = {
    "clip": ("", CLIPModel, lambda m, x: m.visual_projection(m.vision_model(**x).pooler_output), tiny.DIM),
    "clip-cls": ("clip-cls:", CLIPModel, class_token, tiny.WIDTH),
    "siglip": ("", SiglipModel, lambda m, x: m.vision_model(**x).pooler_output, tiny.WIDTH),
    "siglip2": ("", Siglip2Model, lambda m, x: m.vision_model(**x).pooler_output, tiny.WIDTH),
    "dinov2": ("", Dinov2Model, lambda m, x: m(**x).last_hidden_state[:, 0], tiny.WIDTH),
}


@pytest.mark.parametrize("case", CASES)
def test_image_embeddings_are_those_of_the_named_class(folders: dict[str, Path], case: str) -> None:
    prefix, model_class, look, dim = CASES[case]
    folder = folders["clip" if case == "clip-cls" else case]
    encoder = get_encoder(f"{prefix}{folder}")
    assert encoder.dim == dim and encoder.revision.startswith("local-")
    expected = by_hand(folder, model_class, look)
    vectors = encoder.encode(pictures())
    assert vectors.dtype == np.float32 and vectors.shape == (len(pictures()), dim)
    np.testing.assert_allclose(vectors, expected, atol=2e-5)
    assert vectors.std(0).max() > 1e-3, "the pictures must differ by more than the tolerance"


@pytest.mark.parametrize("case", CASES)
def test_an_embedding_has_the_same_bits_alone_and_among_others(folders: dict[str, Path], case: str) -> None:
    encoder = get_encoder(f"{CASES[case][0]}{folders['clip' if case == 'clip-cls' else case]}")
    together = encoder.encode(pictures())
    alone = np.concatenate([encoder.encode([image]) for image in reversed(pictures())])[::-1]
    np.testing.assert_array_equal(together, alone)
    assert encoder.encode([]).shape == (0, encoder.dim)


@pytest.mark.parametrize("case", ["clip", "siglip2"])
def test_batches_of_one_shape_as_on_a_gpu_give_the_same_embeddings(folders: dict[str, Path], case: str) -> None:
    """A machine without GPU can still take that way."""
    encoder: Any = get_encoder(str(folders[case]))
    images, texts = encoder.encode(pictures()), encoder.encode_text(TEXTS)
    encoder._runner.together, encoder._runner.batch = True, 4
    np.testing.assert_allclose(encoder.encode(pictures()), images, atol=2e-5)
    np.testing.assert_allclose(encoder.encode_text(TEXTS), texts, atol=2e-5)
    np.testing.assert_array_equal(encoder.encode(pictures()[:1]), encoder.encode(pictures())[:1])
    assert encoder.encode([]).shape == (0, encoder.dim)


@pytest.mark.parametrize("case", ["clip", "siglip", "siglip2"])
def test_text_embeddings_are_those_of_the_named_class(folders: dict[str, Path], case: str) -> None:
    encoder = get_encoder(str(folders[case]))
    assert isinstance(encoder, TextEncoder)
    model = CASES[case][1].from_pretrained(folders[case]).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(folders[case])
    length = 77 if case == "clip" else 16
    tokens = tokenizer(TEXTS, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        if case == "clip":
            expected = model.text_projection(model.text_model(**tokens).pooler_output)
        else:
            expected = model.text_model(input_ids=tokens["input_ids"]).pooler_output
    vectors = encoder.encode_text(TEXTS)
    assert vectors.shape == (3, encoder.dim) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected.numpy(), atol=2e-5)
    np.testing.assert_array_equal(encoder.encode_text(TEXTS[2:]), vectors[2:])
    assert encoder.encode_text([]).shape == (0, encoder.dim)


@pytest.mark.parametrize("name", ["clip-cls", "dinov2"])
def test_encoders_of_images_only_are_no_text_encoders(folders: dict[str, Path], name: str) -> None:
    encoder = get_encoder(f"clip-cls:{folders['clip']}" if name == "clip-cls" else str(folders[name]))
    assert not isinstance(encoder, TextEncoder)


def test_a_moved_folder_is_the_same_encoder_and_a_changed_weight_another(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    copy = shutil.copytree(folders["dinov2"], tmp_path / "elsewhere")
    first, moved = get_encoder(str(folders["dinov2"])), get_encoder(str(copy))
    assert first.revision == moved.revision and first.name != moved.name
    again = get_encoder(pinned(moved.name, moved.revision))
    assert (again.name, again.revision) == (moved.name, moved.revision)
    weights = load_file(copy / "model.safetensors")
    weights["layernorm.bias"] += 1e-3
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert get_encoder(str(copy)).revision != first.revision


# --- SentenceTransformers --------------------------------------------------------------------------------------------


def test_a_sentence_transformer_that_takes_images_is_an_encoder_of_both(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folders["clip"]))
    model.save(str(tmp_path / "st"))
    encoder = get_encoder(str(tmp_path / "st"))
    images = [image.convert("RGB") for image in pictures()]
    expected = np.stack([model.encode([image])[0] for image in images])
    np.testing.assert_allclose(encoder.encode(pictures()), expected, atol=1e-5)
    np.testing.assert_array_equal(encoder.encode(pictures()[2:3]), encoder.encode(pictures())[2:3])
    assert isinstance(encoder, TextEncoder)
    np.testing.assert_allclose(encoder.encode_text(TEXTS[:1]), model.encode(TEXTS[:1]), atol=1e-5)
    assert encoder.backend == "pil-float32"  # type: ignore[attr-defined]


def test_a_sentence_transformer_of_texts_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import BoW

    SentenceTransformer(modules=[BoW(vocab=["boat", "sea"])]).save(str(tmp_path / "words"))
    with pytest.raises(ConfigError, match="the SentenceTransformer words takes text and no images"):
        get_encoder(str(tmp_path / "words"))


def test_a_sentence_transformer_with_code_of_its_own_is_not_run(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(folders["clip"], tmp_path / "own")
    (folder / "modeling_own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: ...\n")
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "modeling_own.Own"}]))
    with pytest.raises(ConfigError, match="^own cannot be loaded: "):
        get_encoder(str(folder))
    assert not (tmp_path / "ran").exists()


def test_a_model_that_artsim_trained_is_an_encoder(tmp_path: Path) -> None:
    lite = get_encoder("lite")
    weight = np.random.default_rng(3).normal(size=(7, lite.dim)).astype(np.float32)
    save_model(tmp_path / "trained", lite, [Dense(weight, np.zeros(7, np.float32))], 0.07, {})
    encoder = get_encoder(str(tmp_path / "trained"))
    vectors = encoder.encode(pictures())
    expected = lite.encode(pictures()) @ weight.T
    np.testing.assert_allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)
    assert encoder.dim == 7 and encoder.encode([]).shape == (0, 7)
    assert encoder.revision.startswith("local-") and not isinstance(encoder, TextEncoder)


# --- CSD -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def csd() -> tiny.Csd:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return tiny.Csd().eval()


def released(model: tiny.Csd) -> dict[str, torch.Tensor]:
    """The layout of the released checkpoint: all names behind DistributedDataParallel's ``module.``."""
    return {f"module.{name}": value for name, value in model.state_dict().items()}


def checkpoint(kind: str, model: tiny.Csd, folder: Path) -> Path:
    folder.mkdir()
    state = released(model)
    if kind == "pth":
        torch.save({"model_state_dict": state, "iter": 80000, "args": argparse.Namespace(lr=0.003)}, folder / "c.pth")
    elif kind == "half":
        torch.save({name: value.half() for name, value in state.items()}, folder / "pytorch_model.bin")
    else:
        save_file({name: value.contiguous() for name, value in state.items()}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("kind", ["pth", "half", "safetensors"])
def test_csd_checkpoints_give_the_style_descriptor_of_the_paper(csd: tiny.Csd, tmp_path: Path, kind: str) -> None:
    from transformers import CLIPImageProcessorPil

    folder = checkpoint(kind, csd, tmp_path / "csd")
    encoder = get_encoder(f"csd:{folder}")
    square = {"height": tiny.SIDE, "width": tiny.SIDE}
    processor: Any = CLIPImageProcessorPil(size={"shortest_edge": tiny.SIDE}, crop_size=square)
    pixels = processor(images=[image.convert("RGB") for image in pictures()], return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        expected = csd(pixels).numpy()
    vectors = encoder.encode(pictures())
    assert encoder.dim == tiny.DIM
    np.testing.assert_allclose(vectors, expected, atol=0.05 if kind == "half" else 1e-3, rtol=1e-3)
    file = next(folder.iterdir())
    np.testing.assert_array_equal(get_encoder(f"csd:{file}").encode(pictures()[:1]), vectors[:1])


def test_what_is_no_csd_checkpoint_is_one_sentence(csd: tiny.Csd, folders: dict[str, Path], tmp_path: Path) -> None:
    def refused(name: str, save: Callable[[Path], object], message: str) -> None:
        (tmp_path / name).mkdir()
        save(tmp_path / name)
        with pytest.raises(ConfigError, match=message) as caught:
            get_encoder(f"csd:{tmp_path / name}")
        assert "\n" not in str(caught.value)

    state = released(csd)
    short = {name: value for name, value in state.items() if "ln_post.bias" not in name}
    refused("empty", lambda f: None, "empty has no checkpoint: none of")
    refused("torn", lambda f: (f / "a.pth").write_bytes(b"PK\x03\x04junk"), "a.pth of torn cannot be read")
    refused("code", lambda f: torch.save({"x": csd}, f / "a.pth"), "a.pth of code cannot be read as plain tensors")
    refused("list", lambda f: torch.save([1], f / "a.pth"), "a.pth of list holds no weights by name")
    refused("short", lambda f: torch.save(short, f / "a.pth"), "short is no CSD checkpoint: .*post_layernorm.bias")
    refused("cut", lambda f: (f / "a.safetensors").write_bytes(b"12345678{"), "a.safetensors of cut is damaged")
    with pytest.raises(ConfigError, match="is no CSD checkpoint: it has no last_layer_style"):
        get_encoder(f"csd:{folders['clip']}")


# --- what cannot work ------------------------------------------------------------------------------------------------


def test_models_that_are_no_image_encoders_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    text = shutil.copytree(folders["dinov2"], tmp_path / "bert")
    (text / "config.json").write_text('{"model_type": "bert", "hidden_size": 8, "num_attention_heads": 1}')
    with pytest.raises(ConfigError, match="bert is a model of type 'bert', which is no image encoder artsim knows"):
        get_encoder(str(text))
    with pytest.raises(ConfigError, match="clip-cls: is for CLIP, and dinov2 is a model of type 'dinov2'"):
        get_encoder(f"clip-cls:{folders['dinov2']}")
    with pytest.raises(ConfigError, match="there is no model folder /no/such/folder"):
        get_encoder("/no/such/folder")
    (tmp_path / "bare").mkdir()
    with pytest.raises(ConfigError, match="^bare cannot be loaded: "):
        get_encoder(str(tmp_path / "bare"))


def test_a_checkpoint_without_some_weights_is_refused_and_not_filled_with_noise(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["clip"], tmp_path / "half")
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match="half has no weights for visual_projection.weight and 0 more"):
        get_encoder(str(folder))
