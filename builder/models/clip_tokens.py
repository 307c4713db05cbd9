"""CLIP's tokenizer, offline and without torch: how many tokens a prompt really takes.

Text encoders of the CLIP family see 77 tokens: a begin mark, 75 of text, an end mark; the rest is cut without a word.
Counting words or guessing a ratio lets long prompts lose their end unseen, so the real merges travel with the package
(`clip_merges.txt.gz`, MIT, see `clip_merges.LICENSE`) and the `tokenizers` library applies them. The set-up is that of
`CLIPTokenizer` in transformers: NFC, white space to one space, lower case, CLIP's word pattern, bytes, `</w>` at the
end of a word. OpenAI's own code also repairs broken encodings (ftfy) and unescapes HTML; prompts hold neither.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from artsim_dataset.errors import ConfigError

BEGIN = "<|startoftext|>"
END = "<|endoftext|>"
_END_OF_WORD = "</w>"
_WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

_MERGES = Path(__file__).with_name("clip_merges.txt.gz")
_MERGES_SHA256 = "d308b7377a8ceaa9707a21614fe8c831b9196e197b7aeb69833359362907af02"


@lru_cache(maxsize=4096)
def count(text: str) -> int:
    """CLIP tokens of a text, without the begin and end marks: what MAX_PROMPT_TOKENS limits.

    The last few thousand answers are kept: whoever shortens a prompt asks for its clauses again and again.

    >>> count("a painting of three boats in a harbor")
    8
    """
    return len(token_ids(text)) - 2


def token_ids(text: str) -> list[int]:
    """What the text encoder is given: 49406 (begin), the tokens of the text, 49407 (end). Never truncated.

    >>> token_ids("a painting")
    [49406, 320, 3086, 49407]
    """
    return list(_tokenizer().encode(text).ids)


def read_merges(path: Path = _MERGES) -> list[tuple[str, str]]:
    """The 48,894 merges, most frequent pair first. Raises ConfigError when the file is missing or was changed."""
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise ConfigError(f"CLIP's merges cannot be read from {path}: {error}; reinstall artsim") from error
    if sha256(data).hexdigest() != _MERGES_SHA256:
        raise ConfigError(f"CLIP's merges in {path} are not those that artsim ships; reinstall artsim")
    pairs = [line.split(" ") for line in data.decode("utf-8").splitlines()]
    return [(first, second) for first, second in pairs]


def vocabulary(merges: list[tuple[str, str]]) -> dict[str, int]:
    """Token -> id: 256 bytes, 256 bytes that end a word, one token for each merge, the two marks. 49,408 in all."""
    letters = _byte_letters()
    tokens = [*letters, *(letter + _END_OF_WORD for letter in letters), *("".join(pair) for pair in merges), BEGIN, END]
    return {token: index for index, token in enumerate(tokens)}


def _byte_letters() -> list[str]:
    """A printable letter for each of the 256 bytes, in the order of CLIP's ids (the byte-level scheme of GPT-2).

    Printable Latin-1 bytes stand for themselves and come first; the others borrow the letters from U+0100 on.
    """
    own = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in own] + [chr(256 + n) for n in range(256 - len(own))]


@lru_cache(maxsize=1)
def _tokenizer() -> Tokenizer:
    merges = read_merges()
    ids = vocabulary(merges)
    tokenizer = Tokenizer(
        models.BPE(
            vocab=ids, merges=merges, continuing_subword_prefix="", end_of_word_suffix=_END_OF_WORD, unk_token=END
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.add_special_tokens([BEGIN, END])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=[(BEGIN, ids[BEGIN]), (END, ids[END])]
    )
    return tokenizer
