"""One build at a time in a work folder: ``work/lock`` is held while a build runs, and says who holds it.

The kernel holds the lock (`flock`), so it is free the moment its process dies, however it dies: nothing stale has to
be recognised. The text in the file is for people; what an earlier run wrote there means nothing once the lock is free.

On a file system without such locks (some FUSE and Lustre mounts) the text has to do: the lock counts as held while
the process that it names lives. Of a process on another machine nobody can tell, so it counts as held until a person
deletes the file, and of two builds that start in the same instant both may go on there. On NFS, Linux sends `flock` to
the server, and it holds between machines unless the mount says ``local_lock`` or ``nolock``.

In an object store there is a lock as well (`lease.py`).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from artsim_dataset.errors import ConfigError
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.storage import Place

LOCK = "lock"
PATIENCE = 2.0
"""Seconds that a lock may stay held before it counts: a build that was just stopped is still leaving."""

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_LOGIN_IN_URL = re.compile(r"//[^/\s@]+@")


@dataclass(frozen=True)
class Holder:
    """The build that holds a lock. ``since`` is UTC; ``born`` tells its process from a later one of the same number."""

    pid: int
    host: str
    since: str
    born: str
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since} ({self.command})"


class FolderBusy(ConfigError):
    """Another build works in this folder. ``holder`` is None in the moment before it has signed."""

    def __init__(self, out: Place, holder: Holder | None, hint: str = "") -> None:
        who = holder or "another process"
        super().__init__(f"{out} is being built by {who}; wait for it or stop it{hint}, then run the command again")
        self.out = out
        self.holder = holder

    def __reduce__(self) -> tuple[type[FolderBusy], tuple[Place, Holder | None]]:
        return type(self), (self.out, self.holder)


@contextmanager
def locked(work: Place, patience: float = PATIENCE, shared: bool = False) -> Iterator[Callable[[], None]]:
    """Holds the lock of the work folder for as long as the block lasts.

    ``shared``: beside others that hold it so too, as jobs do that make parts of one build (`part.py`).

    A folder that cannot be written to needs none: nobody builds there, and a finished build can still be looked at.
    Gives a function that raises ArtsimError when the lock was lost, as only one in an object store can be.

    Raises:
        FolderBusy: another process holds it, after ``patience`` seconds still.
    """
    if isinstance(work, ObjectPath):
        from builder.lease import leased

        with leased(work, patience) as check:
            yield check
        return
    path = work / LOCK
    file = _open(path)
    if file is None:
        yield _nothing
        return
    try:
        _take(file, work, time.monotonic() + patience, shared)
        before = os.fstat(file)
        _sign(file)
        try:
            yield _nothing
        finally:
            # The file stays: if it were deleted, a third build could lock a new one while a second holds the old.
            # Its time is put back, so that a run that had nothing to do leaves no trace.
            with suppress(OSError):
                os.ftruncate(file, 0)
                os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    finally:
        os.close(file)


def _nothing() -> None:
    """What the kernel holds is not lost."""


def read_holder(path: Place) -> Holder | None:
    """Who signed this lock last and has not left; None when nobody has, or when the text is torn."""
    try:
        signed = json.loads(path.read_text(encoding="utf-8"))
        return Holder(**{field.name: signed[field.name] for field in fields(Holder)})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _open(path: Path) -> int | None:
    """The lock file, made when missing; only to read where it is another user's; None where there can be none."""
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        try:
            return os.open(path, flags | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno not in _READ_ONLY | {errno.ENOENT, errno.ENOSPC}:
                raise
    return None


def _take(file: int, work: Path, until: float, shared: bool) -> None:
    while True:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise FolderBusy(work.parent, read_holder(work / LOCK)) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            holder = read_holder(work / LOCK)
            if shared or holder is None or not lives(holder):
                return
            if time.monotonic() >= until:
                here = holder.host == socket.gethostname()
                hint = "" if here else f" (if it is no longer running, delete {work / LOCK})"
                raise FolderBusy(work.parent, holder, hint) from None
        time.sleep(0.1)


def _sign(file: int) -> None:
    """Writes who we are. A full disk must not keep anybody from building: the lock is held all the same."""
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(asdict(this_process()), ensure_ascii=False).encode(), 0)


def this_process() -> Holder:
    return Holder(
        pid=os.getpid(),
        host=socket.gethostname(),
        since=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        born=_born(os.getpid()),
        command=_command(),
    )


def _command() -> str:
    """The beginning of this process's command line, without logins in addresses."""
    line = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    line = _LOGIN_IN_URL.sub("//***@", line)
    return line if len(line) <= 100 else f"{line[:97]}..."


def lives(holder: Holder) -> bool:
    """Whether the process is there; one on another machine is taken to be."""
    if holder.host != socket.gethostname():
        return True
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return holder.born == _born(holder.pid)


def _born(pid: int) -> str:
    """When a process started, in ticks since boot; '' where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]  # field 22; the name before may hold spaces and brackets
