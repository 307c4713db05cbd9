"""Where shards run: lanes with processes of their own, one GPU for each, and a log that comes home."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from builder.engine import LocalEngine, visible_gpus

Tick = Callable[[int], None]


def _where(seconds: float, tick: Tick) -> tuple[int, str]:
    time.sleep(seconds)
    tick(1)
    return os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES", "")


def _warn(number: int, tick: Tick) -> int:
    logging.getLogger("builder.models.devices").warning("going on with batches of %d", number)
    return number


def _fail(number: int, tick: Tick) -> int:
    raise ValueError(f"item {number}")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """An engine on a machine that says it has two GPUs: the workers only look at the variable."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    engine = LocalEngine(3)
    yield engine
    engine.close()


def nothing(rows: int) -> None: ...


def test_gpu_lane_has_one_process_for_each_gpu_which_sees_no_other(two_gpus: LocalEngine) -> None:
    places = set(two_gpus.map(_where, [0.3] * 8, nothing, "gpu"))
    assert len({pid for pid, _ in places}) == 2
    assert {gpu for _, gpu in places} == {"3", "5"}


def test_lanes_do_not_share_processes_and_api_has_one(two_gpus: LocalEngine) -> None:
    cpu = {pid for pid, _ in two_gpus.map(_where, [0.3] * 9, nothing)}
    api = {pid for pid, _ in two_gpus.map(_where, [0.01] * 9, nothing, "api")}
    gpu = {pid for pid, _ in two_gpus.map(_where, [0.01] * 9, nothing, "gpu")}
    assert len(cpu) == 3 and len(api) == 1
    assert not (cpu & api or cpu & gpu or api & gpu)


def test_without_a_gpu_the_lane_has_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    engine = LocalEngine(3)
    assert len({pid for pid, _ in engine.map(_where, [0.05] * 4, nothing, "gpu")}) == 1
    engine.close()


@pytest.mark.parametrize(("value", "gpus"), [("", []), ("-1", []), ("0", ["0"]), ("2,GPU-8f", ["2", "GPU-8f"])])
def test_cuda_visible_devices_is_heeded(monkeypatch: pytest.MonkeyPatch, value: str, gpus: list[str]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert visible_gpus() == gpus


def _threads(_: int, tick: Tick) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def test_workers_that_share_the_cores_do_sums_on_one_thread_unless_the_user_says_otherwise(
    two_gpus: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert set(two_gpus.map(_threads, [0] * 6, nothing, "cpu")) == {"1"}
    assert set(two_gpus.map(_threads, [0] * 4, nothing, "gpu")) == {None}
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    engine = LocalEngine(1)
    assert set(engine.map(_threads, [0], nothing, "cpu")) == {"5"}
    engine.close()


def test_rows_are_counted_over_all_lanes(two_gpus: LocalEngine) -> None:
    counted: list[int] = []
    for lane in ("cpu", "gpu", "api"):
        list(two_gpus.map(_where, [0.0] * 5, counted.append, lane))  # type: ignore[arg-type]
    assert sum(counted) == 15


def test_what_a_worker_logs_comes_to_this_process(two_gpus: LocalEngine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "builder"):
        list(two_gpus.map(_warn, [3], nothing, "gpu"))
        until = time.monotonic() + 5
        while "batches of 3" not in caplog.text and time.monotonic() < until:
            time.sleep(0.02)
    assert "going on with batches of 3" in caplog.text


def test_error_in_any_lane_ends_the_stage(two_gpus: LocalEngine) -> None:
    with pytest.raises(ValueError, match="item 1"):
        list(two_gpus.map(_fail, [1], nothing, "gpu"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_a_worker_is_being_born_waits_until_it_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    """The worst moment, and the thread that the kernel may choose: not this one, whose mask would hold it back."""
    from multiprocessing import util

    spawn = util.spawnv_passfds
    other, end = threading.Thread(target=lambda: end.wait(60)), threading.Event()
    other.start()

    def spawn_and_stop(*arguments: Any) -> int:
        child = spawn(*arguments)
        signal.pthread_kill(other.ident or 0, number)
        time.sleep(0.1)
        return child

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, stop)
    engine = LocalEngine(1)
    try:
        list(engine.map(_where, [0.0], nothing))  # Python's own helper process is there now
        engine.close()
        monkeypatch.setattr(util, "spawnv_passfds", spawn_and_stop)
        with pytest.raises(KeyboardInterrupt):
            list(engine.map(_where, [0.0], nothing))
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)
        engine.close()
        end.set()
        other.join()
    time.sleep(0.3)
    assert "Traceback" not in capfd.readouterr().err
