from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset.errors import ConfigError
from builder.model_config import SummaryCompress
from builder.models import clip_tokens
from builder.models.hub_compress import CountingDropper, SummaryCompressor, clip_counter, open_summary
from builder.models.lite_compress import ClauseDropper
from builder.models.weights import Weights, resolve
from builder.stage import Reject
from tests.builder.models.tiny import PROMPTS, SUMMARIES, clip_tokenizer_folder, one_thread, tiny_bart

BATCH = 4
LONG, SHORT = PROMPTS[0], PROMPTS[2]
OTHER_LONG = " ".join(PROMPTS[1:])


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with one_thread():
        yield


def opened(folder: Path, **options: int) -> SummaryCompressor:
    config = SummaryCompress.model_validate({"model": str(folder), "batch": BATCH, **options})
    return SummaryCompressor(resolve(str(folder), "", folder), clip_tokens.count, config)


@pytest.fixture(scope="module")
def compressor(tmp_path_factory: pytest.TempPathFactory) -> SummaryCompressor:
    return opened(tiny_bart(tmp_path_factory.mktemp("bart")))


@pytest.fixture(scope="module")
def babbler(tmp_path_factory: pytest.TempPathFactory) -> SummaryCompressor:
    """Random weights: what it says depends on every token of the text."""
    return opened(tiny_bart(tmp_path_factory.mktemp("babbler"), says=None), max_tokens=20)


def dropped(text: str, limit: int = 75) -> str | Reject:
    return ClauseDropper(limit).compress([text])[0]


def test_the_test_prompts_are_as_long_as_their_names_say() -> None:
    assert min(clip_tokens.count(LONG), clip_tokens.count(OTHER_LONG)) > 75 >= clip_tokens.count(SHORT)


def test_a_prompt_that_fits_is_left_alone_and_a_long_one_is_summed_up(compressor: SummaryCompressor) -> None:
    untidy = "  Transform it ,, into  dusk "
    assert compressor.compress([SHORT, LONG, untidy]) == [SHORT, SUMMARIES[0], untidy]
    assert compressor.count(SUMMARIES[0]) == clip_tokens.count(SUMMARIES[0]) <= 75
    assert compressor.compress([]) == []
    assert compressor.batch == BATCH


def test_an_empty_prompt_is_rejected(compressor: SummaryCompressor) -> None:
    (answer,) = compressor.compress([" \n"])
    assert isinstance(answer, Reject) and answer.reason == "empty_prompt"


def test_a_summary_that_invents_is_not_used(compressor: SummaryCompressor) -> None:
    assert compressor._sum_up([OTHER_LONG]) == [SUMMARIES[0]]
    assert compressor.compress([OTHER_LONG]) == [dropped(OTHER_LONG)]


@pytest.mark.parametrize(
    "says",
    [
        "",  # nothing
        LONG + " " + LONG.replace("Let", "Now let"),  # longer than its source
        "a drowned cathedral of green glass where slow light falls",  # no sentence
    ],
)
def test_a_summary_that_is_empty_longer_or_broken_is_not_used(tmp_path: Path, says: str) -> None:
    assert opened(tiny_bart(tmp_path, says=[says])).compress([LONG]) == [dropped(LONG)]


def test_a_summary_that_is_still_too_long_loses_clauses(tmp_path: Path) -> None:
    model = opened(tiny_bart(tmp_path), max_tokens=20)
    (short,) = model.compress([LONG])
    assert short == dropped(SUMMARIES[0], 20)
    assert isinstance(short, str) and clip_tokens.count(short) <= 20


def test_summaries_are_summed_up_as_long_as_they_get_shorter(tmp_path: Path) -> None:
    model = opened(tiny_bart(tmp_path), max_tokens=20, rounds=5)
    asked: list[list[str]] = []
    sum_up = model._sum_up
    model._sum_up = lambda texts: (asked.append(list(texts)), sum_up(texts))[1]  # type: ignore[func-returns-value, method-assign]
    model.compress([LONG, SHORT])
    # the second round gives the same summary again, which is not shorter; the two cost no third round
    assert [len(texts) for texts in asked if texts] == [2, 1]
    assert asked[1] == [SUMMARIES[0]]


def test_the_opening_of_s1_is_cut_before_anything_is_summed_up(compressor: SummaryCompressor) -> None:
    tail = "a long quay of rust and moss, " * 9 + "at dusk."
    long = f"Transform the harbour {'very ' * 20} slowly into {tail}"
    assert clip_tokens.count(long) > 75 >= clip_tokens.count(tail)
    assert compressor.compress([long]) == [tail[0].upper() + tail[1:]]
    assert compressor._without_opening("Do not transform it into ice.") == "Do not transform it into ice."
    assert compressor._without_opening("Transform it. Turn it into ice.") == "Transform it. Turn it into ice."
    assert compressor._without_opening("Transform it into ") == "Transform it into"


def test_a_text_that_the_model_cannot_read_whole_loses_clauses(compressor: SummaryCompressor) -> None:
    endless = "A slow boat of rust drifts by, with moss on its ropes. " * 40
    assert compressor.compress([endless]) == [dropped(endless)]


def test_the_models_own_defaults_are_not_used(tmp_path: Path) -> None:
    model = opened(tiny_bart(tmp_path, says=["Rain falls."]))
    from transformers import AutoModelForSeq2SeqLM

    inputs = model._tokenizer(LONG, return_tensors="pt")
    by_default = AutoModelForSeq2SeqLM.from_pretrained(tmp_path).generate(**inputs)
    assert by_default.shape[1] >= 56  # at least 56 tokens, whatever there is to say
    assert model._sum_up([LONG]) == ["Rain falls."]


@pytest.mark.parametrize("name", ["compressor", "babbler"])
def test_a_summary_does_not_depend_on_the_batch(name: str, request: pytest.FixtureRequest) -> None:
    model: SummaryCompressor = request.getfixturevalue(name)
    texts = [f"{LONG} {'Let it rain, with wind and hail. ' * (n % 4)}And {n} boats." for n in range(BATCH + 3)]
    for ask in (model.compress, lambda of: model._raw(of)):
        together = ask(texts)
        assert [ask([text])[0] for text in texts] == together
        assert ask(texts[::-1])[::-1] == together
        assert ask([texts[4], texts[0]]) == [together[4], together[0]]
    if name == "babbler":
        assert len(set(together)) > 1


def test_summaries_are_what_the_arithmetic_says(babbler: SummaryCompressor) -> None:
    """The definition: no padding, no cache, always the likeliest token that repeats no three in a row."""
    for text, summary in zip([LONG, OTHER_LONG], babbler._raw([LONG, OTHER_LONG]), strict=True):
        read = torch.tensor([babbler._tokenizer(text)["input_ids"]])
        said = [2, 0]
        while len(said) < 17 and said[-1] != 2:
            with torch.no_grad():
                scores = babbler._model(input_ids=read, decoder_input_ids=torch.tensor([said])).logits[0, -1]
            threes = [said[n : n + 3] for n in range(len(said) - 2)]
            ranked = scores.argsort(descending=True).tolist()
            said.append(next(token for token in ranked if [*said[-2:], token] not in threes))
        assert summary == babbler._tokenizer.decode(said, skip_special_tokens=True)


def test_counts_come_from_the_pipelines_own_tokenizer(tmp_path: Path) -> None:
    pipeline = tmp_path / "pipeline"
    assert clip_counter(Weights("pipeline", "local", str(tmp_path))) is None
    clip_tokenizer_folder(pipeline / "tokenizer_2")
    count = clip_counter(Weights("pipeline", "local", str(pipeline)))
    assert count is not None
    for text in (*PROMPTS, *SUMMARIES, "", "Été 1855 — 漢字", "word " * 200):
        assert count(text) == clip_tokens.count(text)


def test_the_second_tokenizer_is_preferred_and_the_first_is_used_when_alone(tmp_path: Path) -> None:
    tiny_bart(tmp_path / "tokenizer")  # another tokenizer: it counts letters
    only = clip_counter(Weights("pipeline", "local", str(tmp_path)))
    clip_tokenizer_folder(tmp_path / "tokenizer_2")
    both = clip_counter(Weights("pipeline", "local", str(tmp_path)))
    assert only is not None and both is not None
    assert (only("boat"), both("boat")) == (4, 1)


def test_prompts_fit_by_the_count_of_the_pipeline(tmp_path: Path) -> None:
    tiny_bart(tmp_path / "pipeline" / "tokenizer")
    folder = tiny_bart(tmp_path / "bart")
    reader = Weights("pipeline", "local", str(tmp_path / "pipeline"))
    config = SummaryCompress(model=str(folder), batch=BATCH)
    with open_summary(resolve(str(folder), "", folder), reader, config) as compressor:
        assert compressor.count("boat") == 4
        (short,) = compressor.compress([SHORT])
        assert isinstance(short, str) and compressor.count(short) <= 75 < compressor.count(SHORT)
    with open_summary(resolve(str(folder), "", folder), None, config) as compressor:
        assert compressor.count("boat") == 1
        assert isinstance(compressor, SummaryCompressor)
        held = weakref.ref(compressor._model)
    gc.collect()
    assert held() is None


@settings(deadline=None, max_examples=100)
@given(st.text(min_size=1, max_size=300), st.sampled_from([8, 75]))
def test_the_dropper_fits_any_text_by_any_count(text: str, limit: int) -> None:
    (answer,) = CountingDropper(limit, len).compress([text])
    if text.strip():
        assert isinstance(answer, str) and 0 < len(answer) <= max(limit, 1)


def test_a_folder_without_a_model_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="empty cannot be loaded"):
        SummaryCompressor(Weights("empty", "local", str(tmp_path)), len, SummaryCompress(model="empty"))
