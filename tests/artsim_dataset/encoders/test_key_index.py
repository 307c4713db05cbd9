from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artsim_dataset.encoders import key_index
from artsim_dataset.encoders.key_index import KEY_BYTES, KeyIndex
from tests.memory import python_bytes_a_row

# Few different ones, so that some are there twice. Without the factor all have one number, and only the file tells.
KEYS = st.builds(lambda head, tail: bytes([head]) * 8 + bytes([tail]) * 24, st.integers(0, 255), st.integers(0, 3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.lists(KEYS, max_size=60),
    steps=st.lists(st.integers(0, 60)),
    recent=st.sampled_from([0, 3, 100]),
    factor=st.sampled_from([key_index._FACTOR, 0]),
)
def test_a_key_is_found_where_it_first_stands(
    keys: list[bytes], steps: list[int], recent: int, factor: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_index, "RECENT", recent)
    monkeypatch.setattr(key_index, "_FACTOR", factor)
    (tmp_path / "keys.bin").write_bytes(b"".join(keys))
    index = KeyIndex(tmp_path / "keys.bin")
    for _, count in pairwise(sorted([0, *(min(step, len(keys)) for step in steps), len(keys)])):
        index.read(count)
        assert len(index) == count
        for key in {*keys, b"\x00" * KEY_BYTES, b"\xff" * KEY_BYTES}:
            assert index.find(key) == (keys.index(key) if key in keys[:count] else None)


def test_keys_that_count_upwards_are_spread_as_digests_are(tmp_path: Path) -> None:
    """Told apart by their last bytes only: sorted by the first ones, each would be looked for among all."""
    keys = [b"%032d" % n for n in range(20_000)]
    (tmp_path / "keys.bin").write_bytes(b"".join(keys))
    index = KeyIndex(tmp_path / "keys.bin")
    index.read(len(keys))
    assert len(np.unique(index._sorted[0])) == len(keys)
    assert [index.find(key) for key in keys[::97]] == list(range(0, 20_000, 97))


def test_a_key_takes_the_memory_that_is_promised(tmp_path: Path) -> None:
    """A dict of them takes 165 bytes each. 16 stay; while they are sorted there are some arrays more."""
    draw = np.random.default_rng(1)

    def read(count: int) -> KeyIndex:
        index = KeyIndex(tmp_path / f"{count}.bin")
        index.read(count)
        return index

    for count in (20_000, 60_000):
        (tmp_path / f"{count}.bin").write_bytes(draw.bytes(count * KEY_BYTES))
    assert python_bytes_a_row(read, 20_000, 60_000) < 64
    index = read(60_000)
    assert sum(array.nbytes for array in index._sorted[:2]) == 16 * 60_000 and not index._recent
