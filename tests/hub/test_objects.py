"""Names of files, trees and commits, against git itself."""

from __future__ import annotations

import hashlib
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from tests.hub.objects import POINTER, Objects, folder_oids, make_commit

FILES = {"a.txt": b"one\n", "a/b/c.bin": bytes(range(256)), "a/b.txt": b"", "a-b/x": b"x", "z": b"last"}


def git(folder: Path, *arguments: str) -> str:
    date = {"GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000"}
    who = ["-c", "user.name=user", "-c", "user.email=user@local", "-c", "core.autocrlf=false"]
    command = ["git", *who, *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, env=os.environ | date
    ).stdout.strip()


def test_names_are_those_that_git_gives(tmp_path: Path) -> None:
    objects, work = Objects(tmp_path / "objects"), tmp_path / "work"
    work.mkdir()
    git(work, "init", "-q")
    for name, content in FILES.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    git(work, "add", "-A")
    git(work, "commit", "-q", "--cleanup=verbatim", "-m", "title", "-m", "text")
    tree = {name: objects.add(content) for name, content in FILES.items()}
    listed = dict(line.split("\t")[::-1] for line in git(work, "ls-tree", "-r", "-t", "HEAD").splitlines())
    ours = {name: file.oid for name, file in tree.items()} | {k: v for k, v in folder_oids(tree).items() if k}
    assert ours == {name: entry.split()[2] for name, entry in listed.items()}
    commit = make_commit(tree, (), "title", "text\n", "user", datetime.fromtimestamp(1_700_000_000, UTC))
    assert commit.id == git(work, "rev-parse", "HEAD")


def test_an_lfs_object_is_kept_only_under_its_own_hash(tmp_path: Path) -> None:
    objects, content = Objects(tmp_path), b"weights"
    oid = "9f7bb98a1c5ffeed6a67ee8ce21d5dc6b02ff57ea4c15c4b6be4d7ec5ca2c1a7"
    assert not objects.add_lfs(oid, content) and objects.lfs_file(oid) is None
    oid = hashlib.sha256(content).hexdigest()
    assert objects.add_lfs(oid, content)
    file = objects.lfs_file(oid)
    assert file and file.size == 7 and objects.read(file) == content
    assert file.pointer_size == len(POINTER.format(oid=oid, size=7))
    assert file.oid != objects.add(content).oid, "git's name of an LFS file is that of its pointer"
