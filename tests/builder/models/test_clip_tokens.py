import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from artsim_dataset.errors import ConfigError
from builder.models import clip_tokens

SHARED = Path(__file__).parents[4] / "shared" / "data" / "clip" / "bpe_simple_vocab_16e6.txt.gz"
NASTY = (
    "it's WE'LL café naïve 日本語 3.14 1889 😀👩‍👩‍👧 ǅ İstanbul <|endoftext|> --- \n\t \u00a0 ½ ﬁ rock'n'roll e\u0301"
)


@pytest.fixture(scope="module")
def merges() -> list[tuple[str, str]]:
    """The merges of the real vocabulary file, read and cut without our code."""
    if not SHARED.is_file():
        pytest.skip("needs ../shared/data/clip, which a user's clone has not")
    lines = gzip.decompress(SHARED.read_bytes()).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    return [(line.split()[0], line.split()[1]) for line in lines]


@pytest.fixture(scope="module")
def reference(merges: list[tuple[str, str]]) -> Any:
    """The tokenizer of transformers on that file, with the vocabulary put together another way."""
    transformers = pytest.importorskip("transformers")
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return transformers.CLIPTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=merges)


def test_the_golden_sentence_has_clips_ids() -> None:
    ids = [49406, 320, 3086, 539, 2097, 10080, 530, 320, 10202, 49407]
    assert clip_tokens.token_ids("a painting of three boats in a harbor") == ids
    assert clip_tokens.count("a painting of three boats in a harbor") == len(ids) - 2


def test_nothing_is_truncated() -> None:
    assert clip_tokens.count("boats " * 500) == 500


def test_case_and_white_space_do_not_count() -> None:
    assert clip_tokens.token_ids("  A\n\nPainting\t ") == clip_tokens.token_ids("a painting")
    assert clip_tokens.count("") == clip_tokens.count(" \n") == 0


def test_the_shipped_merges_are_those_of_the_real_file(merges: list[tuple[str, str]]) -> None:
    assert len(merges) == 48894
    assert clip_tokens.read_merges() == merges
    assert len(clip_tokens.vocabulary(merges)) == 49408


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(NASTY.split(" ")), max_size=12).map(" ".join)))
@example(NASTY)
@example("<|startoftext|>a<|endoftext|>")
def test_ids_equal_those_of_transformers(reference: Any, text: str) -> None:
    assert clip_tokens.token_ids(text) == reference(text).input_ids


def test_changed_or_missing_merges_are_refused(tmp_path: Path) -> None:
    good = gzip.decompress(Path(clip_tokens.__file__).with_name("clip_merges.txt.gz").read_bytes())
    changed = tmp_path / "merges.gz"
    changed.write_bytes(gzip.compress(good.replace(b"t h\n", b"h t\n", 1)))
    with pytest.raises(ConfigError, match="not those that artsim ships"):
        clip_tokens.read_merges(changed)
    with pytest.raises(ConfigError, match="cannot be read"):
        clip_tokens.read_merges(tmp_path / "nothing.gz")


def test_the_shipped_file_says_nothing_of_when_and_where_it_was_made_and_has_its_licence_beside_it() -> None:
    folder = Path(clip_tokens.__file__).parent
    header = (folder / "clip_merges.txt.gz").read_bytes()[:10]
    assert header[3] == 0 and header[4:8] == bytes(4)  # no file name, no time
    assert "Copyright (c) 2021 OpenAI" in (folder / "clip_merges.LICENSE").read_text()
