from __future__ import annotations

import gc
import hashlib
import json
import threading
import weakref
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset.errors import ConfigError
from builder.model_config import SummaryCompress
from builder.models import clip_tokens
from builder.models.hub_compress import WINDOW, CountingDropper, SummaryCompressor, clip_counter, open_summary
from builder.models.lite_compress import ClauseDropper
from builder.models.weights import Weights, resolve
from builder.stage import Reject
from tests.builder.models.tiny import PROMPTS, SUMMARIES, clip_tokenizer_folder, one_thread, tiny_bart

BATCH = 4
COMMIT = "0123456789" * 4
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
    assert compressor.batch == BATCH * WINDOW


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
        "Glass falls.",  # too little
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
    texts = [f"{LONG} {'Let it rain, with wind and hail. ' * (n % 4)}And {n} boats." for n in range(BATCH + 2)]
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


def pipeline_folder(folder: Path, **tokenizers: str | None) -> Path:
    """A pipeline with tokenizers only: name -> class."""
    parts = {name: [kind and "transformers", kind] for name, kind in tokenizers.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "Pipeline", **parts}))
    for name, kind in tokenizers.items():
        if kind == "CLIPTokenizer":
            clip_tokenizer_folder(folder / name)
        elif kind:
            tiny_bart(folder / name)
    return folder


def local(folder: Path) -> Weights:
    return Weights("pipeline", "local", str(folder))


def test_counts_come_from_the_pipelines_own_tokenizer(tmp_path: Path) -> None:
    count = clip_counter(local(pipeline_folder(tmp_path, tokenizer=None, tokenizer_2="CLIPTokenizer")))
    assert count is not None
    for text in (*PROMPTS, *SUMMARIES, "", "Été 1855 — 漢字", "word " * 200):
        assert count(text) == clip_tokens.count(text)


def test_a_pipeline_without_a_clip_tokenizer_counts_nothing(tmp_path: Path) -> None:
    assert clip_counter(local(tmp_path)) is None
    assert clip_counter(local(pipeline_folder(tmp_path, tokenizer=None, tokenizer_2=None))) is None
    assert clip_counter(local(pipeline_folder(tmp_path, tokenizer="T5Tokenizer"))) is None


def test_prompts_fit_by_the_count_of_the_pipeline(tmp_path: Path) -> None:
    pipeline = pipeline_folder(tmp_path / "pipeline", tokenizer="CLIPTokenizer")
    tokenizer = pipeline / "tokenizer" / "tokenizer.json"
    changed = json.loads(tokenizer.read_text())
    changed["model"]["merges"] = []  # now it counts letters
    tokenizer.write_text(json.dumps(changed))
    folder = tiny_bart(tmp_path / "bart")
    config = SummaryCompress(model=str(folder), batch=BATCH)
    with open_summary(resolve(str(folder), "", folder), local(pipeline), config) as compressor:
        assert compressor.count("boat") == 4
        (short,) = compressor.compress([SHORT])
        assert isinstance(short, str) and compressor.count(short) <= 75 < compressor.count(SHORT)
    with open_summary(resolve(str(folder), "", folder), None, config) as compressor:
        assert compressor.count("boat") == 1
        assert isinstance(compressor, SummaryCompressor)
        held = weakref.ref(compressor._model)
    gc.collect()
    assert held() is None


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Hub on this machine. Its repositories are folders of ``tmp_path / "hub"``, all at one commit."""
    from huggingface_hub import constants

    root = tmp_path / "hub"
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(HubHandler, root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield root
    server.shutdown()
    server.server_close()


class HubHandler(BaseHTTPRequestHandler):
    """Answers for files of repositories, and that there is nothing else."""

    def __init__(self, root: Path, *args: Any) -> None:
        self.root = root
        super().__init__(*args)

    def do_GET(self) -> None:
        name, *rest = self.path.removeprefix("/api/models").lstrip("/").split("/")  # then "resolve" or "tree", commit
        file = self.root.joinpath(name, *rest[2:])
        found = file.is_file()
        body = file.read_bytes() if found else b""
        self.send_response(200 if found else 404)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", hashlib.sha256(body).hexdigest())
        self.send_header("Content-Length", str(len(body)))
        if not found:
            self.send_header("X-Error-Code", "EntryNotFound" if (self.root / name).is_dir() else "RepoNotFound")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *args: Any) -> None: ...


def test_counts_come_from_the_hub_once_and_then_from_the_cache(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline_folder(hub / "pipeline", tokenizer="CLIPTokenizer", tokenizer_2=None)
    (hub / "bare").mkdir()
    count = clip_counter(Weights("pipeline", COMMIT))
    assert count is not None and count("a painting of three boats in a harbor") == 8
    assert clip_counter(Weights("bare", COMMIT)) is None
    with pytest.raises(ConfigError, match="the Hub has no model missing"):
        clip_counter(Weights("missing", COMMIT))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    count = clip_counter(Weights("pipeline", COMMIT))
    assert count is not None and count("a painting of three boats in a harbor") == 8
    with pytest.raises(ConfigError, match="other cannot be loaded"):
        clip_counter(Weights("other", COMMIT))


@settings(deadline=None, max_examples=100)
@given(st.text(min_size=1, max_size=300), st.sampled_from([8, 75]))
def test_the_dropper_fits_any_text_by_any_count(text: str, limit: int) -> None:
    (answer,) = CountingDropper(limit, len).compress([text])
    if text.strip():
        assert isinstance(answer, str) and 0 < len(answer) <= max(limit, 1)


def test_a_folder_without_a_model_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="empty cannot be loaded"):
        SummaryCompressor(Weights("empty", "local", str(tmp_path)), len, SummaryCompress(model="empty"))
