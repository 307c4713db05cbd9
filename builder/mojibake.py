"""Names whose UTF-8 was once read as Latin-1 or cp1252: ``GrÃ©goire`` for ``Grégoire``. 709 of WikiArt's 81,446 paths
have such names, and of theirs the capital was lower-cased afterwards (``grã©goire``), so decoding again is not enough.

A right name must never be changed, so a piece is repaired only when all of this holds:

* it is a letter that begins a UTF-8 sequence (its capital or its lower-cased form) with what continues it, the bytes
  they stand for are valid UTF-8, and they are a Latin, Greek or Cyrillic letter or a sign that names have;
* a quotation mark, dash or space that continues it may follow a right letter too (``«Manhã»``, ``Manhã’s``), and
  counts only inside a word, after a capital, or in a row of such pieces. ``São`` and ``Ãngelo`` stay in any case, for
  ``o`` and ``n`` continue nothing;
* lower-cased pieces count for Latin letters only, and give lower-case letters: nothing else can be told for sure.

Other scripts (Chinese, Arabic ...) are left as they are. There are no statistics and no library in it: the same name
comes out the same for ever, since ids are made of it.
"""

from __future__ import annotations

import re
import unicodedata

_BYTE = {chr(code): code for code in range(0x80, 0x100)}
for _code in range(0x80, 0xA0):  # where Latin-1 has control characters, cp1252 has signs
    _BYTE[bytes([_code]).decode("cp1252", "ignore") or chr(_code)] = _code

_CONTINUES = "[" + re.escape("".join(char for char, code in _BYTE.items() if code < 0xC0)) + "]"
_PIECE = re.compile(f"(?:[ÂÃÄÅÎÏÐÑ]{_CONTINUES})+|[âÂ][€\x80]{_CONTINUES}|[ãäå]{_CONTINUES}|â\xa0")
_TYPOGRAPHY = frozenset("\xa0«»‹›‘’‚“”„–—…·•")
_SIGNS = frozenset("\xa0«»°·–—‘’‚“”„…‐‑¡¿ªº")


def repair(name: str) -> str:
    """The name as it was before it was misread; a name that was not comes back as it is, in NFC.

    >>> repair("grã©goire-michonze"), repair("GrÃ©goire"), repair("São Paulo"), repair("Ãngelo")
    ('grégoire-michonze', 'Grégoire', 'São Paulo', 'Ãngelo')
    """
    name = unicodedata.normalize("NFC", name)
    while (once := _PIECE.sub(_repaired, name)) != name:  # some were misread twice; each time makes them shorter
        name = unicodedata.normalize("NFC", once)
    return name


def _repaired(found: re.Match[str]) -> str:
    piece = found[0]
    lowered, sign = piece[0] in "ãäå" or piece == "â\xa0", piece[1] in "€\x80"
    start = "â" if sign else piece[0].upper() if lowered else piece[0]
    try:
        text = bytes(_BYTE[char] for char in start + piece[1:]).decode("utf-8")
    except UnicodeDecodeError:
        return piece
    if piece == "â\xa0":
        return text
    if lowered and not text.islower():
        return piece
    if not sign and len(piece) == 2 and piece[1] in _TYPOGRAPHY and not _is_inside(found, lowered):
        return piece
    twice = len(text) > 1
    return text if all(char.isalpha() or char in _SIGNS or (twice and char in _BYTE) for char in text) else piece


def _is_inside(found: re.Match[str], lowered: bool) -> bool:
    """Whether typography that continues a single letter stands where none can: in the middle of a word."""
    piece, before = found[0], found.string[: found.start()]
    after = found.string[found.end() :]
    if piece[0] == "Â":
        return not before[-1:].isupper()
    genitive = after[:1].lower() == "s" and not after[1:2].isalpha()
    return after[:1].isalpha() and not piece[1].isspace() and not genitive and (not lowered or piece[0] == "ã")
