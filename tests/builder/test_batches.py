from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.batches import in_batches, map_rows
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


def test_rows_are_taken_one_batch_at_a_time() -> None:
    taken = []

    def rows() -> Iterator[Row]:
        for number in range(10):
            taken.append(number)
            yield {"id": number}

    results = map_rows(rows(), lambda row: row["id"], list, lambda row, answer: {"id": answer}, 3)
    next(results)
    assert taken == [0, 1, 2]


def test_a_model_that_answers_too_few_is_not_believed() -> None:
    with pytest.raises(RuntimeError, match="1 answers to 2 items"):
        list(map_rows([{"id": 1}, {"id": 2}], lambda row: row["id"], lambda items: items[:1], lambda row, a: row, 2))
