from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from artsim_dataset.encoders.cache import EmbeddingCache, cache_root, embedding_key
from artsim_dataset.errors import ConfigError
from artsim_dataset.views import FULL, MIRROR


class Three:
    name, revision, dim = "org/three", "r1", 3


def entries(*numbers: int) -> dict[bytes, np.ndarray]:
    return {bytes([n]) * 32: np.array([n, n + 0.5, -n], np.float32) for n in numbers}


def test_what_is_added_is_there_for_the_next_process(tmp_path: Path) -> None:
    EmbeddingCache(Three(), tmp_path).add(entries(1, 2))
    cache = EmbeddingCache(Three(), tmp_path)
    cache.add(entries(2, 3))
    assert len(cache) == 3 and bytes([2]) * 32 in cache and bytes([9]) * 32 not in cache
    got = cache.get([bytes([3]) * 32, bytes([1]) * 32])
    assert got.dtype == np.float32 and got.tolist() == [[3, 3.5, -3], [1, 1.5, -1]]
    with pytest.raises(KeyError):
        cache.get([bytes([9]) * 32])
    assert cache.get([]).shape == (0, 3)


def test_values_are_half_precision_from_the_start(tmp_path: Path) -> None:
    cache = EmbeddingCache(Three(), tmp_path)
    cache.add({b"k" * 32: np.array([0.1, 1 / 3, 1000.1], np.float32)})
    assert cache.get([b"k" * 32])[0].tolist() == np.array([0.1, 1 / 3, 1000.1], np.float16).astype(np.float32).tolist()


@pytest.mark.parametrize(("lost_keys", "lost_vectors"), [(0, 1), (1, 0), (33, 0), (32, 6), (0, 7), (64, 18)])
def test_an_interruption_at_any_byte_costs_entries_but_never_mixes_them(
    tmp_path: Path, lost_keys: int, lost_vectors: int
) -> None:
    cache = EmbeddingCache(Three(), tmp_path)
    cache.add(entries(1, 2, 3))
    for name, lost in (("keys.bin", lost_keys), ("vectors.f16", lost_vectors)):
        file = cache.folder / name
        file.write_bytes(file.read_bytes()[: file.stat().st_size - lost])
    again = EmbeddingCache(Three(), tmp_path)
    assert len(again) < 3
    again.add(entries(1, 2, 3, 4))
    for reader in (again, EmbeddingCache(Three(), tmp_path)):
        for key, vector in entries(1, 2, 3, 4).items():
            assert reader.get([key])[0].tolist() == vector.tolist()


def test_two_writers_do_not_lose_or_double_entries(tmp_path: Path) -> None:
    one, other = EmbeddingCache(Three(), tmp_path), EmbeddingCache(Three(), tmp_path)
    one.add(entries(1, 2))
    other.add(entries(2, 3))
    one.add(entries(3, 4))
    assert (one.folder / "keys.bin").stat().st_size == 4 * 32
    for key, vector in entries(1, 2, 3, 4).items():
        assert EmbeddingCache(Three(), tmp_path).get([key])[0].tolist() == one.get([key])[0].tolist() == vector.tolist()


def test_another_revision_or_backend_is_another_store(tmp_path: Path) -> None:
    class Newer(Three):
        revision = "r2"

    folders = {EmbeddingCache(Three(), tmp_path).folder, EmbeddingCache(Newer(), tmp_path).folder,
               EmbeddingCache(Three(), tmp_path, backend="torchvision").folder}  # fmt: skip
    assert len(folders) == 3 and all(f.parent == tmp_path / "embeddings" for f in folders)


def test_vectors_that_cannot_be_kept_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    cache = EmbeddingCache(Three(), tmp_path)
    for bad in ([np.nan, 0, 0], [1e6, 0, 0]):
        with pytest.raises(ConfigError, match="cannot be stored"):
            cache.add({b"k" * 32: np.array(bad, np.float32)})
    with pytest.raises(ConfigError, match="expected finite"):
        cache.add({b"k" * 32: np.zeros(4, np.float32)})
    assert len(EmbeddingCache(Three(), tmp_path)) == 0


def test_a_key_names_bytes_box_and_view() -> None:
    base = embedding_key(b"a" * 32, (0, 0, 9, 9), FULL)
    others = [embedding_key(b"b" * 32, (0, 0, 9, 9), FULL), embedding_key(b"a" * 32, (0, 0, 9, 8), FULL),
              embedding_key(b"a" * 32, (0, 0, 9, 9), MIRROR)]  # fmt: skip
    assert len({base, *others}) == 4 and len(base) == 32
    assert base == embedding_key(b"a" * 32, (0, 0, 9, 9), FULL)


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARTSIM_CACHE", str(tmp_path / "here"))
    assert cache_root() == tmp_path / "here"
    monkeypatch.delenv("ARTSIM_CACHE")
    assert cache_root() == Path.home() / ".cache" / "artsim"


def test_folders_are_named_by_what_the_encoder_is_and_not_by_where_it_lies(tmp_path: Path) -> None:
    class Local(Three):
        name, revision, backend = "csd:/home/me/" + "deep/" * 80 + "my model.pth", "local-0123", "pil-float16"

    assert EmbeddingCache(Local(), tmp_path).folder.name == "csd-my-model.pth-local-0123-pil-float16-3"
    assert EmbeddingCache(Three(), tmp_path).folder.name == "org--three-r1-pil-3"
    Local.name = "/" + "n" * 250
    EmbeddingCache(Local(), tmp_path).add(entries(1))


WRITER = """
import sys, numpy as np
from pathlib import Path
from artsim_dataset.encoders.cache import EmbeddingCache
class Three:
    name, revision, dim = "org/three", "r1", 3
cache = EmbeddingCache(Three(), Path(sys.argv[1]))
step = int(sys.argv[2])
for n in list(range(400))[::step]:
    cache.add({n.to_bytes(32, "big"): np.array([n, -n, 1], np.float32),
               (n + 1).to_bytes(32, "big"): np.array([n + 1, -n - 1, 1], np.float32)})
"""


def test_two_processes_that_write_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), step]) for step in ("1", "-1")]
    assert [writer.wait() for writer in writers] == [0, 0]
    cache = EmbeddingCache(Three(), tmp_path)
    assert len(cache) == 401 and (cache.folder / "keys.bin").stat().st_size == 401 * 32
    got = cache.get([n.to_bytes(32, "big") for n in range(401)])
    assert got.tolist() == [[n, -n, 1] for n in range(401)]
