from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Looks, PairRows, Wanted, embed, embed_all
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.views import FULL, MIRROR, perturbation
from tests.artsim_dataset.learning import BOX, PixelEncoder, pairs_dataset


def all_views(rows: PairRows) -> list[Wanted]:
    return [Wanted(r, c, v) for r in range(len(rows)) for c in ("original", "generated") for v in (FULL, MIRROR)]


def test_embeddings_are_those_of_the_cropped_view_in_the_order_asked(tmp_path: Path) -> None:
    rows, encoder = PairRows(pairs_dataset(11)), PixelEncoder()
    cache = EmbeddingCache(encoder, tmp_path)
    wanted = [Wanted(9, "generated", perturbation("x-0", 1)), *all_views(rows), Wanted(2, "original", FULL)]
    got = cache.take(embed(rows, wanted, encoder, cache))
    for vector, want in zip(got, wanted, strict=True):
        content = rows.content(want.row, want.column, rows.image_bytes(want.row, want.column))
        assert content.size == (BOX[2] - BOX[0], BOX[3] - BOX[1])
        expected = encoder.encode([want.view.apply(content)])[0]
        assert vector.tolist() == expected.astype(np.float16).astype(np.float32).tolist()


def test_all_images_are_embedded_as_if_each_view_were_asked_for(tmp_path: Path) -> None:
    rows, encoder, told = PairRows(pairs_dataset(7, variants=2)), PixelEncoder(), []
    cache = EmbeddingCache(encoder, tmp_path)
    looks = [
        Looks(rows.first_row, "original"),
        Looks(np.array([9, 3, 4]), "generated", lambda row: (FULL, perturbation(rows.ids[row], 1)), 2),
    ]
    originals, variants = embed_all(rows, looks, encoder, cache, lambda *step: told.append(step))
    assert originals.shape == (7, 1) and variants.shape == (3, 2) and told[-1] == ("encode", 10, 10)
    wanted = [Wanted(row, "generated", view) for row in (9, 3, 4) for view in looks[1].views(row)]
    assert encoder.encoded == 7 + 6
    assert embed(rows, wanted, encoder, cache).tolist() == variants.ravel().tolist()
    assert encoder.encoded == 7 + 6 and originals.ravel().tolist() == list(range(7))


def test_changing_one_image_encodes_one_image(tmp_path: Path) -> None:
    dataset, encoder = pairs_dataset(6), PixelEncoder()
    cache = EmbeddingCache(encoder, tmp_path)
    wanted = [Wanted(r, "generated", FULL) for r in range(6)]
    first = cache.take(embed(PairRows(dataset), wanted, encoder, cache))
    assert encoder.encoded == 6
    changed = dataset.cast_column("generated", dataset.features["original"]).to_list()
    changed[3]["generated"] = changed[2]["original"]
    second = cache.take(embed(PairRows(Dataset.from_list(changed, features=dataset.features)), wanted, encoder, cache))
    assert encoder.encoded == 7
    assert [bool((a == b).all()) for a, b in zip(first, second, strict=True)] == [True, True, True, False, True, True]


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    class Failing(PixelEncoder):
        def encode(self, images):  # type: ignore[no-untyped-def]
            if self.encoded >= 16:
                raise RuntimeError("power cut")
            return super().encode(images)

    rows, failing, encoder = PairRows(pairs_dataset(20)), Failing(), PixelEncoder()
    wanted = [Wanted(r, "original", v) for r in range(20) for v in (FULL, MIRROR)]
    with pytest.raises(RuntimeError, match="power cut"):
        embed(rows, wanted, failing, EmbeddingCache(failing, tmp_path))
    embed(rows, wanted, encoder, EmbeddingCache(encoder, tmp_path))
    assert failing.encoded > 0 and failing.encoded + encoder.encoded == 40


def test_several_variants_of_a_painting_count_it_once() -> None:
    rows = PairRows(pairs_dataset(5, variants=3))
    assert len(rows) == 15 and len(rows.painting_ids) == 5
    for row, painting in enumerate(rows.painting):
        assert rows.ids[row].startswith(rows.painting_ids[painting] + "-")
    assert [rows.painting[row] for row in rows.first_row] == list(range(5))


def test_progress_reaches_its_total(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    rows, encoder = PairRows(pairs_dataset(10)), PixelEncoder()
    embed(rows, all_views(rows), encoder, EmbeddingCache(encoder, tmp_path), lambda *step: told.append(step))
    assert told[-1] == ("encode", 20, 20) and [step[1] for step in told] == sorted(step[1] for step in told)


def test_an_unreadable_image_is_named_and_never_replaced(tmp_path: Path) -> None:
    dataset = pairs_dataset(3)
    rows = dataset.to_list()
    rows[1]["generated"] = {"bytes": b"not an image", "path": None}
    broken = PairRows(Dataset.from_list(rows, features=dataset.features))
    encoder = PixelEncoder()
    with pytest.raises(ArtsimError, match="Cubism/artist-1_work-1-0', column 'generated'"):
        embed(broken, [Wanted(1, "generated", FULL)], encoder, EmbeddingCache(encoder, tmp_path))


def test_other_tables_are_refused_with_a_sentence() -> None:
    with pytest.raises(ConfigError, match="no column genre: load its 'pairs' config"):
        PairRows(pairs_dataset(3).remove_columns("genre"))
    with pytest.raises(ConfigError, match="no rows"):
        PairRows(pairs_dataset(3).select([]))
    with pytest.raises(ConfigError, match="one split"):
        PairRows({"train": pairs_dataset(3)})  # type: ignore[arg-type]


def test_stored_bytes_are_hashed_as_they_are() -> None:
    dataset = pairs_dataset(2)
    rows = PairRows(dataset)
    again = PairRows(dataset)
    digests = {
        hashlib.sha256(r.image_bytes(i, c)).hexdigest()
        for r in (rows, again)
        for i in (0, 1)
        for c in ("original", "generated")
    }
    assert len(digests) == 4


ENCODING = """
import sys, time
from pathlib import Path
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import PairRows, Wanted, embed
from artsim_dataset.views import FULL, MIRROR
from tests.artsim_dataset.learning import PixelEncoder, pairs_dataset

class Slow(PixelEncoder):
    batch = 4
    def encode(self, images):
        vectors = super().encode(images)
        time.sleep(0.1)
        return vectors

rows, encoder = PairRows(pairs_dataset(40)), Slow()
cache = EmbeddingCache(encoder, Path(sys.argv[1]))
wanted = [Wanted(r, c, v) for r in range(40) for c in ("original", "generated") for v in (FULL, MIRROR)]
print(len(cache), flush=True)
embed(rows, wanted, encoder, cache)
print(encoder.encoded, len(cache), flush=True)
"""


def test_what_was_encoded_when_the_process_was_killed_is_not_encoded_again(tmp_path: Path) -> None:
    def start() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", ENCODING, str(tmp_path)], stdout=subprocess.PIPE, text=True)

    first = start()
    assert first.stdout is not None and first.stdout.readline() == "0\n"
    kept = EmbeddingCache(PixelEncoder(), tmp_path).folder / "keys.bin"
    until = time.monotonic() + 60
    while not (kept.exists() and kept.stat().st_size >= 40 * 32) and time.monotonic() < until:
        time.sleep(0.01)
    first.kill()
    first.communicate()
    before = len(EmbeddingCache(PixelEncoder(), tmp_path))
    assert 40 <= before < 160
    second = start()
    said, _ = second.communicate()
    assert said.split() == [str(before), str(160 - before), "160"]
