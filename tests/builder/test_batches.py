import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.batches import AHEAD, in_batches, map_rows
from builder.stage import Reject, Row


@given(st.lists(st.integers()), st.integers(1, 7))
def test_batches_hold_everything_in_order_and_are_full_but_the_last(items: list[int], size: int) -> None:
    batches = list(in_batches(items, size))
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(0 < len(batch) <= size for batch in batches)


@given(st.lists(st.sampled_from(["good", "bad before", "bad in the model", "bad after"])), st.integers(1, 5))
def test_every_row_has_its_own_answer_wherever_it_failed(fates: list[str], size: int) -> None:
    rows = [{"id": str(number), "fate": fate} for number, fate in enumerate(fates)]

    def prepare(row: Row) -> Row | Reject:
        return Reject("before", row["id"]) if row["fate"] == "bad before" else row

    def ask(items: Sequence[Row]) -> list[str | Reject]:
        assert 0 < len(items) <= size
        return [Reject("model", i["id"]) if i["fate"] == "bad in the model" else i["id"] for i in items]

    def finish(row: Row, answer: str) -> Row | Reject:
        return Reject("after", answer) if row["fate"] == "bad after" else {"id": row["id"], "answer": answer}

    expected = {
        "good": lambda i: {"id": i, "answer": i},
        "bad before": lambda i: Reject("before", i),
        "bad in the model": lambda i: Reject("model", i),
        "bad after": lambda i: Reject("after", i),
    }
    results = list(map_rows(rows, prepare, ask, finish, size))
    assert results == [expected[fate](str(number)) for number, fate in enumerate(fates)]


def test_only_a_few_batches_are_held() -> None:
    taken = []

    def rows() -> Iterator[Row]:
        for number in range(1000):
            taken.append(number)
            yield {"id": number}

    results = map_rows(rows(), lambda row: row["id"], list, lambda row, answer: {"id": answer}, 3)
    for seen in range(1, 100):
        next(results)
        assert len(taken) <= seen + (2 * AHEAD + 2) * 3


def test_next_batch_is_prepared_while_the_model_works() -> None:
    third_is_ready = threading.Event()

    def prepare(row: Row) -> int:
        if row["id"] == 2:
            third_is_ready.set()
        return int(row["id"])

    def ask(items: Sequence[int]) -> Sequence[int]:
        assert third_is_ready.wait(5), "the model waited for a picture"
        return items

    rows = [{"id": number} for number in range(6)]
    assert len(list(map_rows(rows, prepare, ask, lambda row, answer: {"id": answer}, 2))) == 6


@pytest.mark.parametrize("where", ["prepare", "ask", "finish"])
def test_what_breaks_in_a_thread_breaks_the_stage(where: str) -> None:
    def broken(*_: object) -> Any:
        raise OSError("the disk is gone")

    parts: dict[str, Any] = {"prepare": lambda row: 1, "ask": lambda items: items, "finish": lambda row, a: {"id": a}}
    parts[where] = broken
    with pytest.raises(OSError, match="the disk is gone"):
        list(map_rows([{"id": 1}] * 20, parts["prepare"], parts["ask"], parts["finish"], 2))


def test_a_model_that_answers_too_few_is_not_believed() -> None:
    with pytest.raises(RuntimeError, match="1 answers to 2 items"):
        list(map_rows([{"id": 1}, {"id": 2}], lambda row: row["id"], lambda items: items[:1], lambda row, a: row, 2))
