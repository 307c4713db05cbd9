"""One build at a time in a store, however the one before ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from artsim_dataset.object_store import ObjectPath
from artsim_dataset.store_errors import StorageError
from builder import lease
from builder.lock import LOCK, FolderBusy, Holder, locked, read_holder, this_process
from tests.storage.proxy import Fault, Proxy

ROOT = Path(__file__).parents[2]


def wait_for(state: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not state():
        assert time.monotonic() < until
        time.sleep(0.02)


def signed(work: ObjectPath, holder: Holder) -> None:
    (work / LOCK).write_text(json.dumps({**asdict(holder), "beat": "0"}))


def elsewhere() -> Holder:
    return replace(this_process(), host="another-machine")


def test_the_second_build_is_told_of_the_first_and_may_begin_when_it_has_ended(bucket: ObjectPath) -> None:
    work = bucket / "data" / "work"
    with locked(work) as sure:
        sure()
        told = f"s3://{bucket.key}/data is being built by process {os.getpid()} on"
        with pytest.raises(FolderBusy, match=told), locked(work, patience=0.1):
            raise AssertionError
    assert bucket.files() == {}
    with locked(work):
        assert read_holder(work / LOCK) == replace(this_process(), since=read_holder(work / LOCK).since)  # type: ignore[union-attr]


def test_the_lock_of_a_process_that_was_killed_here_is_taken_at_once(bucket: ObjectPath) -> None:
    work = bucket / "work"
    code = f"""if True:
        import os, signal
        from artsim_dataset.storage import place
        from builder.lock import locked
        with locked(place("{work}")):
            os.kill(os.getpid(), signal.SIGKILL)
    """
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -9
    left = read_holder(work / LOCK)
    assert left and left.pid != os.getpid()
    with locked(work, patience=0):
        assert read_holder(work / LOCK).pid == os.getpid()  # type: ignore[union-attr]


def test_a_holder_on_another_machine_counts_as_dead_after_its_silence(
    bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed(bucket / "work", elsewhere())
    with pytest.raises(FolderBusy, match="another-machine .*forgotten after 60 s"), locked(bucket / "work", 0.1):
        raise AssertionError
    monkeypatch.setattr(lease, "LEASE", 1.0)
    with locked(bucket / "work", patience=30):
        assert read_holder(bucket / "work" / LOCK).host != "another-machine"  # type: ignore[union-attr]
    assert bucket.files() == {}  # not the object either by which the store's clock was read


def test_a_holder_that_writes_is_not_silent(bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.1)
    lock = bucket / "work" / LOCK
    with locked(bucket / "work") as sure:
        tag = lock.stat().tag
        wait_for(lambda: lock.stat().tag != tag)
        sure()


def test_who_lost_the_lock_is_told_before_the_data_set_is_touched(
    bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.1)

    def is_lost() -> bool:
        try:
            sure()
        except StorageError as error:
            return "run the same command again" in str(error)
        return False

    with locked(bucket / "work") as sure:
        signed(bucket / "work", elsewhere())
        wait_for(is_lost)
    assert read_holder(bucket / "work" / LOCK) == elsewhere()  # it was not ours to delete


def test_a_put_whose_answer_was_lost_is_not_mistaken_for_anothers(bucket: ObjectPath, proxy: Proxy) -> None:
    proxy.faults.append(Fault(lambda method, path: method == "PUT" and path.endswith(LOCK), times=1, cut="silent"))
    with locked(bucket / "work", patience=0) as sure:
        sure()
    assert proxy.faults[0].times == 0


def test_a_store_that_ignores_conditions_is_named(
    bucket: ObjectPath, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.deaf = True
    with locked(bucket / "work"):
        pass
    assert f"{bucket.bucket} ignores conditional writes" in caplog.text


def test_a_store_that_refuses_conditions_is_said_in_a_sentence(bucket: ObjectPath, proxy: Proxy) -> None:
    proxy.faults.append(Fault(lambda method, _: method == "PUT", answer=(501, "NotImplemented")))
    with pytest.raises(StorageError, match="no conditional writes"), locked(bucket / "work"):
        raise AssertionError
