from __future__ import annotations

import logging
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from builder.models.batch_size import search
from builder.models.devices import Batcher, choose_dtype

OOM = torch.OutOfMemoryError("CUDA out of memory")


@given(st.lists(st.integers()), st.integers(1, 9))
def test_batches_are_always_full_and_answers_are_in_step(items: list[int], size: int) -> None:
    sizes = []

    def run(batch: list[int]) -> list[int]:
        sizes.append(len(batch))
        return [-item for item in batch]

    assert Batcher(size)(run, items) == [-item for item in items]
    assert set(sizes) <= {size}


def test_batch_is_halved_when_memory_runs_out_and_stays_halved(caplog: pytest.LogCaptureFixture) -> None:
    sizes = []

    def run(batch: list[int]) -> list[int]:
        sizes.append(len(batch))
        if len(batch) > 3:
            raise OOM
        return batch

    batcher = Batcher(12)
    with caplog.at_level(logging.WARNING, "builder"):
        assert batcher(run, list(range(7))) == list(range(7))
        assert batcher(run, [1]) == [1]
    assert sizes == [12, 6, 3, 3, 3, 3] and batcher.size == 3
    assert "going on with batches of 3" in caplog.text


def test_one_item_that_does_not_fit_and_other_errors_are_raised() -> None:
    def never(batch: list[int]) -> list[int]:
        raise OOM

    def broken(batch: list[int]) -> list[int]:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(torch.OutOfMemoryError):
        Batcher(4)(never, [1])
    with pytest.raises(RuntimeError, match="shapes"):
        Batcher(4)(broken, [1])


def test_real_allocation_failure_of_this_machine_is_taken_for_what_it_is() -> None:
    """In a process of its own, whose address space is limited: torch really cannot allocate."""
    program = """
import resource, torch
from builder.models.devices import Batcher
torch.zeros(1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20), resource.RLIM_INFINITY))
batcher = Batcher(16)
answers = batcher(lambda batch: [float(row.sum()) for row in torch.ones(len(batch), 40 << 18)], list(range(5)))
print(batcher.size, answers == [float(40 << 18)] * 5)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["4", "True"], done.stderr


@pytest.mark.parametrize(
    ("name", "device", "expected"),
    [
        ("auto", "cuda", torch.float16),
        ("auto", "cpu", torch.float32),
        ("float16", "cpu", torch.float32),
        ("bfloat16", "cuda", torch.bfloat16),
        ("float32", "cuda", torch.float32),
    ],
)
def test_precision_fits_the_device(name: str, device: str, expected: torch.dtype) -> None:
    assert choose_dtype(name, torch.device(device)) == expected


# --- the fastest batch ---------------------------------------------------------------------------------------------


class Machine:
    """A clock that runs while batches are made: ``seconds(size)`` each; ``room`` is the largest that fits."""

    def __init__(self, per_image: dict[int, float], room: int = 1000) -> None:
        self.per_image, self.room, self.now = per_image, room, 0.0

    def trial(self, size: int) -> None:
        if size > self.room:
            raise OOM
        self.now += size * self.per_image.get(size, 1.0)

    def clock(self) -> float:
        return self.now


def test_search_stops_where_twice_as_many_are_hardly_faster() -> None:
    machine = Machine({1: 1.0, 2: 0.7, 4: 0.5, 8: 0.49})
    assert search(machine.trial, machine.clock) == 4


def test_search_stops_where_memory_ends_and_at_the_largest() -> None:
    faster = {2**n: 0.5**n for n in range(10)}
    machine = Machine(faster, room=9)
    assert search(machine.trial, machine.clock) == 8
    machine = Machine(faster)
    assert search(machine.trial, machine.clock) == 64


def test_search_that_cannot_make_a_single_image_says_so() -> None:
    machine = Machine({}, room=0)
    with pytest.raises(torch.OutOfMemoryError):
        search(machine.trial, machine.clock)
