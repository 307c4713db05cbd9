import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

from builder.models.lite_compress import ClauseDropper
from builder.stage import Reject
from builder.stages.compress import CompressStage


class Halver:
    """A compressor that keeps half of the words and cannot do 'impossible'."""

    batch = 16

    def count(self, text: str) -> int:
        return len(text.split())

    def compress(self, prompts: Sequence[str]) -> list[str | Reject]:
        words = [prompt.split() for prompt in prompts]
        return [Reject("no", "cannot") if w == ["impossible"] else " ".join(w[: len(w) // 2]) for w in words]


@contextmanager
def open_halver() -> Iterator[Halver]:
    yield Halver()


@contextmanager
def open_dropper() -> Iterator[ClauseDropper]:
    yield ClauseDropper()


def test_both_prompts_are_counted_and_rejects_pass_through() -> None:
    rows = [{"id": "a", "prompt_complete": "one two three four"}, {"id": "b", "prompt_complete": "impossible"}]
    with CompressStage(open_halver, {}).open() as run:
        first, second = run(rows)
    assert first == {"prompt_compressed": "one two", "prompt_tokens": 2, "prompt_complete_tokens": 4}
    assert second == Reject("no", "cannot")


def test_the_real_compressor_fits_the_declared_columns() -> None:
    rows = [{"id": str(n), "prompt_complete": "Paint the harbor at dusk, with red boats. " * n} for n in range(1, 40)]
    with CompressStage(open_dropper, {}).open() as run:
        results = list(run(rows))
    table = pa.Table.from_pylist(results, schema=CompressStage.adds)
    assert max(table["prompt_tokens"].to_pylist()) <= 75 < max(table["prompt_complete_tokens"].to_pylist())
    for row, result in zip(rows, results, strict=True):
        assert isinstance(result, dict)
        fits = result["prompt_complete_tokens"] <= 75
        assert (result["prompt_compressed"] == row["prompt_complete"]) == fits


def test_the_stage_can_be_sent_to_a_worker_and_its_settings_are_the_models() -> None:
    stage = pickle.loads(pickle.dumps(CompressStage(open_dropper, {"max_tokens": 75})))
    assert stage.settings() == {"model": {"max_tokens": 75}} and stage.plan_reads == ()
