from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from artsim_dataset import near_hashes
from artsim_dataset.fingerprint import phash
from artsim_dataset.near_hashes import DISTANCE, near_duplicates

TURNS: list[tuple[bool, bool, bool]] = [(t, r, c) for t in (False, True) for r in (False, True) for c in (False, True)]


def turned(value: int, transpose: bool, rows: bool, columns: bool) -> int:
    """The hash of the turned picture, bit by bit."""
    result = 0
    for row in range(8):
        for column in range(8):
            source = (column, row) if transpose else (row, column)
            bit = value >> (63 - 8 * source[0] - source[1]) & 1
            bit ^= (rows and row % 2) ^ (columns and column % 2)
            result |= bit << (63 - 8 * row - column)
    return result


def naive(values: list[int]) -> set[tuple[int, int]]:
    """All pairs, all forms."""
    return {
        (i, j)
        for j in range(len(values))
        for i in range(j)
        if min((turned(values[i], *turn) ^ values[j]).bit_count() for turn in TURNS) <= DISTANCE
    }


def search(values: list[int]) -> set[tuple[int, int]]:
    return {(int(a), int(b)) for a, b in near_duplicates([f"{value:016x}" for value in values])}


bits64 = st.integers(0, 2**64 - 1)
changes = st.sets(st.integers(0, 63), max_size=11)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(bits64, changes, st.sampled_from(TURNS)), min_size=1, max_size=6))
def test_search_finds_what_comparing_everything_in_every_form_finds(
    plan: list[tuple[int, set[int], tuple[bool, bool, bool]]],
) -> None:
    values = []
    for value, flipped, turn in plan:
        values += [value, turned(value, *turn) ^ sum(1 << place for place in flipped)]
    values = list(dict.fromkeys(values))
    assert search(values) == naive(values)


@pytest.mark.parametrize("turn", TURNS)
def test_eight_bits_are_near_and_nine_are_not_wherever_they_are(turn: tuple[bool, bool, bool]) -> None:
    rng = np.random.default_rng(7)
    values, near = [], set()
    for number in range(0, 60, 2):
        value = int(rng.integers(2**63))
        count = DISTANCE + number // 2 % 2
        values += [value, turned(value, *turn) ^ sum(1 << int(bit) for bit in rng.choice(64, count, replace=False))]
        if count == DISTANCE:
            near.add((number, number + 1))
    assert search(values) == naive(values) == near


@pytest.mark.parametrize("blocks", range(9, 14))
def test_every_number_of_blocks_finds_the_same(blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(blocks)
    values = [int(v) for v in rng.integers(0, 2**64, 40, dtype=np.uint64)]
    values += [0, 2**64 - 1, turned(0, False, True, True)]  # forms of one another
    for number in range(40):
        flipped = sum(1 << int(bit) for bit in rng.choice(64, number % 11, replace=False))
        values.append(turned(values[number], *TURNS[number % 8]) ^ flipped)
    values = list(dict.fromkeys(values))
    monkeypatch.setattr(near_hashes, "_how_many_blocks", lambda count: blocks)
    assert search(values) == naive(values)


@pytest.mark.parametrize("count", range(9, 14))
def test_blocks_are_their_own_transposes_and_begin_with_a_place_that_each_mirror_changes(count: int) -> None:
    blocks = near_hashes._blocks(count)
    assert sorted(place for block in blocks for place in block) == list(range(64))
    assert max(map(len, blocks)) - min(map(len, blocks)) <= 2
    for block in blocks:
        assert {8 * (place % 8) + place // 8 for place in block} == set(block)
        first, second = divmod(block[0], 8), divmod(block[1], 8)
        assert first == second[::-1] and first[0] % 2 == 0 and first[1] % 2 == 1


def test_more_hashes_are_dealt_into_more_blocks() -> None:
    counts = [near_hashes._how_many_blocks(10**n) for n in range(1, 10)]
    assert counts == sorted(counts) and counts[0] == 9 and counts[-1] == 13


def test_hashes_may_be_given_as_numbers() -> None:
    values = np.array([3, 2**63, 1], np.uint64)
    assert near_duplicates(values).tolist() == near_duplicates([f"{v:016x}" for v in values.tolist()]).tolist()


def test_equal_hashes_are_a_chain_and_no_clique() -> None:
    assert search([5] * 1000) == {(i, i + 1) for i in range(999)}
    rare = 0xF0E1D2C3B4A59687
    assert search([rare, rare ^ 1, rare, 0]) == {(0, 1), (0, 2)}


def test_no_hashes_and_one_hash_have_no_pairs() -> None:
    assert near_duplicates([]).shape == near_duplicates(["00ff00ff00ff00ff"]).shape == (0, 2)


def test_the_forms_of_a_hash_are_the_hashes_of_the_turned_picture() -> None:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (9, 9), dtype=np.uint8))
    picture = np.asarray(small.resize((160, 160), Image.Resampling.BICUBIC))
    straight = int(phash(Image.fromarray(picture)), 16)
    for transpose, rows, columns in TURNS:
        pixels = picture.T if transpose else picture
        pixels = pixels[:: -1 if rows else 1, :: -1 if columns else 1]
        found = int(phash(Image.fromarray(np.ascontiguousarray(pixels))), 16)
        assert (found ^ turned(straight, transpose, rows, columns)).bit_count() <= 6


def test_pairs_come_sorted_and_do_not_depend_on_what_else_is_there() -> None:
    rng = np.random.default_rng(1)
    values = [int(v) for v in rng.integers(0, 2**63, 3000)]
    copies = [values[i] ^ (1 << i % 60) for i in range(0, 3000, 100)]
    pairs = near_duplicates([f"{v:016x}" for v in values + copies])
    expected = [[i, 3000 + n] for n, i in enumerate(range(0, 3000, 100))]
    assert pairs.tolist() == expected
