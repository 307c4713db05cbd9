"""One build at a time in an object store: the object ``work/lock``, which only one can create, and which its holder
writes again every few seconds.

No kernel frees it when a process dies. Of a process on this machine it can be seen that it is dead. One on another
machine counts as dead when it has not written for LEASE seconds, all by the clock of the store; a holder that could not
write for so long, since its machine slept or its network was gone, finds its lock taken and stops before it touches
the data set. What its workers wrote until then does no harm: objects are whole, and of the same rows and settings they
are the same.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from secrets import token_hex

from artsim_dataset.errors import ArtsimError
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.store_errors import Conflict, StorageError
from builder.lock import LOCK, FolderBusy, lives, read_holder, this_process

BEAT, LEASE = 10.0, 60.0
"""Seconds between two writes of a holder, and of silence after which its lock may be taken."""

logger = logging.getLogger(__name__)


@contextmanager
def leased(work: ObjectPath, patience: float) -> Iterator[Callable[[], None]]:
    """Holds the lock of a work folder in a store for as long as the block lasts.

    Gives a function that raises ArtsimError when the lock has been lost.

    Raises:
        FolderBusy: another process holds it, after ``patience`` seconds still.
    """
    lease = _Lease(work)
    lease.take(time.monotonic() + patience)
    beats = threading.Thread(target=lease.beat, daemon=True)
    beats.start()
    try:
        yield lease.check
    finally:
        lease.ended.set()
        beats.join()
        if not lease.lost:
            with suppress(ArtsimError):  # the lease runs out by itself
                lease.path.unlink(missing_ok=True)


class _Lease:
    def __init__(self, work: ObjectPath) -> None:
        self.path = work / LOCK
        self.lost = False
        self.ended = threading.Event()
        self._work = work
        self._holder = this_process()
        self._tag = ""

    def _write(self, tag: str | None) -> None:
        """Signs the lock if it still has this tag. Raises Conflict when another process has signed it.

        A put whose answer was lost is sent again, and then conflicts with itself: so the text is looked at. No two
        texts are the same, so that the tag, too, tells every write from the one before.
        """
        text = json.dumps({**asdict(self._holder), "beat": token_hex(8)}, ensure_ascii=False).encode()
        try:
            self._tag = self.path.write_if(text, tag)
        except Conflict:
            if self.path.read_bytes() != text:
                raise
            self._tag = self.path.stat().tag

    def take(self, until: float) -> None:
        while True:
            with suppress(Conflict, FileNotFoundError):
                self._write(None)
                self._try_again()
                return
            with suppress(Conflict, FileNotFoundError):  # somebody else was faster, or it was just left
                seen = self.path.stat()
                holder = read_holder(self.path)
                if (holder and not lives(holder)) or self._store_time() - seen.st_mtime > LEASE:
                    self._write(seen.tag)
                    return
                if time.monotonic() >= until:
                    elsewhere = holder is None or holder.host != self._holder.host
                    hint = f" (one that died is forgotten after {LEASE:.0f} s)" if elsewhere else ""
                    raise FolderBusy(self._work.parent, holder, hint)
            time.sleep(0.2)

    def beat(self) -> None:
        """Says every few seconds that we are alive, until the end, or until somebody else has the lock."""
        heard = time.monotonic()
        while not self.ended.wait(BEAT):
            try:
                self._write(self._tag)
                heard = time.monotonic()
            except (Conflict, FileNotFoundError):
                self.lost = True
                return
            except ArtsimError:  # the next beat may get through, or the build will say what is wrong
                self.lost = time.monotonic() - heard > LEASE
                if self.lost:
                    return

    def check(self) -> None:
        if self.lost:
            raise StorageError(
                f"the lock of {self._work.parent} was lost, since this machine could not reach the store for a while;"
                " run the same command again: it goes on from here"
            )

    def _try_again(self) -> None:
        """A store that lets the lock be created twice has no locks; nothing else would show it."""
        with suppress(Conflict):
            self._tag = self.path.write_if(b"{}", None)
            logger.warning(
                "%s ignores conditional writes, so nothing keeps two builds apart: run one at a time", self.path.bucket
            )

    def _store_time(self) -> float:
        """The store's clock: what it says of an object written now."""
        probe = self._work / f"{LOCK}-{token_hex(4)}"
        probe.write_bytes(b"")
        try:
            return probe.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)
