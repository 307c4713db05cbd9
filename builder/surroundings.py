"""What a machine can do to a build, in one sentence: a full disk, a read-only folder, a source that is gone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from artsim_dataset.errors import ArtsimError
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.storage import Place

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class SourceGone(ArtsimError):
    """The folder of paintings vanished while the build ran. No painting is to blame, so none is rejected for it."""

    def __init__(self, root: Place) -> None:
        super().__init__(
            f"the source {root} is gone (unmounted or moved?); bring it back and run the same command: "
            "it goes on from here"
        )
        self.root = root

    def __reduce__(self) -> tuple[type[SourceGone], tuple[Place]]:
        return type(self), (self.root,)


def check_source(root: Place) -> None:
    """To be asked when a painting cannot be read: is it the painting, or is it all of them?

    An unmounted disk leaves its mount point behind, empty; a server that is gone leaves a folder that cannot be listed.

    Raises:
        SourceGone: the root is no folder that holds anything.
    """
    try:
        if isinstance(root, ObjectPath):
            there = root.is_dir()
        else:
            with os.scandir(root) as entries:
                there = next(entries, None) is not None
    except OSError:
        there = False
    if not there:
        raise SourceGone(root)


def explained(error: OSError, out: Path) -> ArtsimError | None:
    """The sentence for an error of the system while ``out`` was written; None for one that is a bug of ours."""
    where = _folder(error, out)
    if error.errno in _FULL:
        what = "no space left on" if error.errno == errno.ENOSPC else "the quota is used up on"
        return ArtsimError(f"{what} the disk of {where}; free some and run the same command: it goes on from here")
    if error.errno in _FORBIDDEN:
        return ArtsimError(f"cannot write to {where}: {os.strerror(error.errno or 0)}; make it writable, and run again")
    if error.errno == errno.EFBIG:
        return ArtsimError(
            f"a file would be larger than the system allows on {where}; raise the limit (ulimit -f) and run again"
        )
    if error.errno == errno.EIO:
        return ArtsimError(f"the disk of {where} has an input/output error; check it, and run the same command again")
    return None


def _folder(error: OSError, out: Path) -> str:
    """The folder that a person knows: the data set folder for all that is in it, else where the file was."""
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if not name or os.path.abspath(name).startswith(os.path.abspath(out)):
        return str(out)
    return os.path.dirname(name) or name
