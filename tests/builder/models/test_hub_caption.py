import gc
import json
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from artsim_dataset.errors import ConfigError
from builder.model_config import Blip2Caption
from builder.models import Pixels
from builder.models.hub_caption import Blip2Captioner, open_blip2
from builder.models.weights import Weights, resolve
from builder.stage import Reject
from tests.builder.models.tiny import CAPTIONS, one_thread, tiny_blip2

BATCH = 4


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with one_thread():
        yield


def pictures(number: int) -> list[Pixels]:
    """Pictures of different sizes, colours and textures."""
    random = np.random.default_rng(5)
    sizes = random.integers(20, 120, (number, 2))
    colours = random.choice([15, 250], (number, 3))
    return [(random.random((h, w, 3)) * colour).astype(np.uint8) for (h, w), colour in zip(sizes, colours, strict=True)]


def opened(folder: Path, **options: int) -> Blip2Captioner:
    return Blip2Captioner(resolve(str(folder), "", folder), Blip2Caption(model=str(folder), batch=BATCH, **options))


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blip2Captioner]:
    folder = tiny_blip2(tmp_path_factory.mktemp("blip2"))
    with open_blip2(resolve(str(folder), "", folder), Blip2Caption(model=str(folder), batch=BATCH)) as model:
        assert isinstance(model, Blip2Captioner)
        yield model


@pytest.fixture(scope="module")
def babbler(tmp_path_factory: pytest.TempPathFactory) -> Blip2Captioner:
    """Random weights: what it says depends on every pixel."""
    return opened(tiny_blip2(tmp_path_factory.mktemp("babbler"), says=None), max_new_tokens=8)


def test_the_pinned_layout_has_no_image_token(tmp_path: Path) -> None:
    config = (tiny_blip2(tmp_path) / "config.json").read_text()
    assert "image_token" not in config and "num_query_tokens" in config
    assert not (tmp_path / "processor_config.json").exists()


def test_each_picture_gets_a_whole_sentence(captioner: Blip2Captioner) -> None:
    captions = captioner.caption(pictures(11), [""] * 11)
    assert set(captions) <= set(CAPTIONS)
    assert len(set(captions)) > 1
    assert captioner.batch == BATCH


@pytest.mark.parametrize("name", ["captioner", "babbler"])
def test_a_caption_does_not_depend_on_the_batch(name: str, request: pytest.FixtureRequest) -> None:
    model: Blip2Captioner = request.getfixturevalue(name)
    images = pictures(BATCH + 2)
    together = model.caption(images, [""] * len(images))
    assert [model.caption([image], [""])[0] for image in images] == together
    assert model.caption(images[::-1], [""] * len(images))[::-1] == together
    assert model.caption([images[0], images[5]], [""] * 2) == [together[0], together[5]]
    assert len({str(answer) for answer in together}) > 1


def test_no_pictures_no_captions(captioner: Blip2Captioner) -> None:
    assert captioner.caption([], []) == []


def test_the_pinned_layout_and_the_new_one_say_what_the_arithmetic_says(
    babbler: Blip2Captioner, tmp_path: Path
) -> None:
    images = pictures(3)
    newer = opened(tiny_blip2(tmp_path, says=None, modern=True), max_new_tokens=8)
    for model in (babbler, newer):
        assert model._ask(images) == [greedily(model, image, 8) for image in images]


def greedily(model: Blip2Captioner, image: Pixels, words: int) -> str:
    """The definition: features, begin mark, then always the likeliest token, all computed anew each time."""
    import torch

    blip, said = model._model, list[int]()
    pixels = model._processor(images=image, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        seen = blip.vision_model(pixels).last_hidden_state
        asked = blip.qformer(query_embeds=blip.query_tokens, encoder_hidden_states=seen).last_hidden_state
        features = blip.language_projection(asked)
        while len(said) < words and not set(said) & {2, model._tokenizer.convert_tokens_to_ids("Ċ")}:
            tokens = torch.tensor([[2, *said]])
            inputs = torch.cat([features, blip.get_input_embeddings()(tokens)], dim=1)
            said.append(int(blip.language_model(inputs_embeds=inputs).logits[0, -1].argmax()))
    return str(model._tokenizer.decode(said, skip_special_tokens=True)).strip().partition("\n")[0]


def test_the_new_layout_agrees_with_the_processor_of_the_library(tmp_path: Path) -> None:
    from transformers import Blip2Processor

    model = opened(tiny_blip2(tmp_path, modern=True))
    processor = Blip2Processor.from_pretrained(tmp_path, backend="pil")
    for image in pictures(3):
        inputs = processor(images=image, text="</s>", return_tensors="pt")
        tokens = model._model.generate(**inputs, max_new_tokens=40)
        (expected,) = processor.batch_decode(tokens, skip_special_tokens=True)
        assert model.caption([image], [""]) == [expected.strip()]


def test_a_configuration_of_2023_is_read(tmp_path: Path) -> None:
    """As the pinned revision has it: settings of generation among those of the parts, and one matrix for reading and
    writing words, which is stored once."""
    from safetensors.torch import load_file, save_file

    path = tiny_blip2(tmp_path, says=None) / "config.json"
    config = json.loads(path.read_text())
    old = {"max_length": 20, "num_beams": 1, "temperature": 1.0, "torch_dtype": "float16", "tie_encoder_decoder": False}
    old |= {"pruned_heads": {}, "torchscript": False, "use_bfloat16": False, "transformers_version": "4.27.0.dev0"}
    for part in ("text_config", "vision_config", "qformer_config"):
        config[part] |= old
    config["text_config"] |= {"tie_word_embeddings": True, "prefix": "</s>", "_name_or_path": "facebook/opt-2.7b"}
    path.write_text(json.dumps(config))
    weights = load_file(tmp_path / "model.safetensors")
    del weights["language_model.lm_head.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})

    model = opened(tmp_path, max_new_tokens=8)
    language = model._model.language_model
    assert language.lm_head.weight.equal(language.model.decoder.embed_tokens.weight)
    (image,) = pictures(1)
    assert model._ask([image]) == [greedily(model, image, 8)]


def test_a_loop_is_asked_again_with_repetition_punished(tmp_path: Path) -> None:
    model = opened(tiny_blip2(tmp_path, loops="ray ban"))
    image = pictures(1)[0]
    assert model._ask([image])[0].startswith("ray ban ray ban ray ban")
    assert model.caption([image], [""]) == [f"ray ban {CAPTIONS[0]}"]


@pytest.mark.parametrize(("says", "reason"), [("", "empty_caption"), ("a photo of", "echo_caption")])
def test_what_is_no_caption_twice_is_rejected_and_harms_no_other(tmp_path: Path, says: str, reason: str) -> None:
    model = opened(tiny_blip2(tmp_path, says=[says, *CAPTIONS]))
    images = pictures(12)
    captions = model.caption(images, [""] * len(images))
    rejects = [caption for caption in captions if isinstance(caption, Reject)]
    assert 0 < len(rejects) < len(images) and {reject.reason for reject in rejects} == {reason}
    assert {caption for caption in captions if isinstance(caption, str)} <= set(CAPTIONS)
    assert model.caption(images[-2:], [""] * 2) == captions[-2:]


def test_captions_stop_at_the_limit(tmp_path: Path) -> None:
    model = opened(tiny_blip2(tmp_path, says=[" ".join(map(str, range(99)))]), max_new_tokens=8)
    assert len(model._ask(pictures(1))[0].split()) == 4 * 8


def test_the_model_is_freed(tmp_path: Path) -> None:
    tiny_blip2(tmp_path)
    with open_blip2(resolve(str(tmp_path), "", tmp_path), Blip2Caption(model=str(tmp_path))) as captioner:
        assert isinstance(captioner, Blip2Captioner)
        held = weakref.ref(captioner._model)
    gc.collect()
    assert held() is None


def test_a_folder_without_a_model_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="empty cannot be loaded"):
        Blip2Captioner(Weights("empty", "local", str(tmp_path)), Blip2Caption(model="empty"))
