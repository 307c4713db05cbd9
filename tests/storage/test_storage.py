"""Places, and what a store does to those who use it: real client, real server, a proxy that breaks the connection."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from artsim_dataset import object_store
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.storage import files_below, is_address, local, place, sha256_of
from artsim_dataset.store_errors import Conflict, StorageError
from tests.storage.conftest import forget_clients, uploads
from tests.storage.proxy import Fault, Proxy

ROOT = Path(__file__).parents[2]


def everything(_method: str, _path: str) -> bool:
    return True


def a_part(method: str, path: str) -> bool:
    return method == "PUT" and "partNumber=2" in path


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("paintings", Path("paintings")),
        ("./a:b/c", Path("a:b/c")),
        ("file:///data/x", Path("/data/x")),
        ("s3://bucket/a//b/", ObjectPath("s3", "bucket/a/b")),
        ("S3A://bucket/a", ObjectPath("s3", "bucket/a")),
        (Path("s3://bucket/a"), ObjectPath("s3", "bucket/a")),
    ],
)
def test_a_place_is_a_path_or_an_address(text: str | Path, meant: object) -> None:
    assert place(text) == meant
    assert is_address(text) == isinstance(meant, ObjectPath)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hf://datasets/user/data", "artsim publish"),
        ("ftp://host/x", "s3://bucket/name"),
        ("s3://", "s3://bucket/name"),
        ("s3://bucket/../x", "s3://bucket/name"),
    ],
)
def test_what_cannot_be_a_place_is_said_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        place(text)


def test_what_needs_a_disk_says_how_to_bring_the_data_set_there() -> None:
    with pytest.raises(ConfigError, match=re.escape("aws s3 sync s3://bucket/data data")):
        local(Path("s3://bucket/data"), "publishing")


def test_a_missing_client_is_named_with_its_install_command() -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(ConfigError, match="gs:// needs gcsfs: pip install gcsfs"),
    ):
        patch.setitem(sys.modules, "gcsfs", None)
        place("gs://bucket/data")
    code = "import sys; sys.modules['s3fs'] = None; from artsim_dataset.cli import main; main()"
    command = [sys.executable, "-c", code, "status", "s3://bucket/data"]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "pip install 'artsim[s3]'" in ended.stderr and "Traceback" not in ended.stderr


def test_files_are_written_listed_read_and_removed(bucket: ObjectPath, tmp_path: Path) -> None:
    folder = bucket / "data"
    content = {"a.json": b"{}", "work/x/1.parquet": b"12345", "pairs/t.parquet": b"x" * 999}
    for name, data in content.items():
        (folder / name).write_bytes(data)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    object_store.client("s3").pipe_file(f"{folder.key}/pairs/", b"")  # what consoles make of a new folder
    assert files_below(folder) == files_below(tmp_path) == {name: len(content[name]) for name in sorted(content)}
    assert list(folder.files(but=("work",))) == ["a.json", "pairs/t.parquet"]
    assert [p.name for p in folder.iterdir()] == ["a.json", "pairs", "work"]
    assert (folder / "work").is_dir() and not (folder / "work").is_file() and not (folder / "wo").exists()
    assert (folder / "a.json").is_file() and not (folder / "a.json").is_dir()
    assert folder.read_all(["a.json", "none"]) == {"a.json": b"{}"}
    for name, data in content.items():
        assert sha256_of(folder / name) == sha256(data).hexdigest() == sha256_of(tmp_path / name)
    with (pickle.loads(pickle.dumps(folder)) / "work/x/1.parquet").open("rb") as file:
        file.seek(2)
        assert file.read(2) == b"34"
    (folder / "a.json").unlink()
    (folder / "a.json").unlink(missing_ok=True)
    for missing in (lambda: (folder / "a.json").unlink(), (folder / "a.json").read_bytes, (folder / "a.json").stat):
        with pytest.raises(FileNotFoundError):
            missing()


def test_the_tag_changes_with_every_other_content_and_the_store_is_never_remembered(bucket: ObjectPath) -> None:
    file = bucket / "x"
    tags = []
    for data in (b"one", b"two", b"six"):
        file.write_bytes(data)
        assert file.read_bytes() == data
        assert file.stat().tag == bucket.files()["x"].tag
        tags.append(file.stat().tag)
    assert len(set(tags)) == 3
    with pytest.raises(StorageError, match="not the object that was written"), file.open("rb", tag=tags[0]):
        pass


def test_an_object_that_is_replaced_while_it_is_read_is_noticed(bucket: ObjectPath) -> None:
    (bucket / "x").write_bytes(b"a" * 100)
    with pytest.raises(StorageError, match="written by somebody else meanwhile"), (bucket / "x").open("rb") as file:
        assert file.read(10) == b"a" * 10
        (bucket / "x").write_bytes(b"b" * 100)
        file.read(10)


def test_of_many_who_create_one_object_one_succeeds(bucket: ObjectPath) -> None:
    def create(number: int) -> str | None:
        try:
            return (bucket / "lock").write_if(str(number).encode(), None)
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        tags = list(pool.map(create, range(8)))
    winner = next(n for n, tag in enumerate(tags) if tag)
    assert sum(tag is not None for tag in tags) == 1
    assert (bucket / "lock").read_text() == str(winner)
    after = (bucket / "lock").write_if(b"again", tags[winner])
    with pytest.raises(Conflict):
        (bucket / "lock").write_if(b"late", tags[winner])
    assert ((bucket / "lock").read_text(), (bucket / "lock").stat().tag) == ("again", after)


# --- what can go wrong ---


def test_a_bucket_that_is_not_there_is_said_at_once(proxy: Proxy) -> None:
    for act in (ObjectPath("s3", "nowhere/a").is_dir, lambda: ObjectPath("s3", "nowhere/a").write_bytes(b"")):
        proxy.asked.clear()
        with pytest.raises(ConfigError, match="there is no bucket 'nowhere' for s3://nowhere/a: .*AWS_ENDPOINT_URL"):
            act()
        assert len(proxy.asked) <= 4  # s3fs asks for the bucket's region; nothing is tried again


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_closed_doors_are_not_knocked_at_again(bucket: ObjectPath, proxy: Proxy, code: str) -> None:
    proxy.faults.append(Fault(everything, answer=(403, code)))
    with pytest.raises(ConfigError, match=f"access to s3://{bucket.key}/x is denied .*{code}"):
        (bucket / "x").write_bytes(b"x")
    assert sum(method == "PUT" for method, _ in proxy.asked) == 1


def test_without_credentials_the_sentence_says_where_they_are_looked_for(
    bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    forget_clients()
    with pytest.raises(ConfigError, match=f"no credentials for s3://{bucket.key}/x .*AWS_ACCESS_KEY_ID"):
        (bucket / "x").write_bytes(b"x")
    forget_clients()


@pytest.mark.parametrize("fault", [{"answer": (503, "SlowDown")}, {"answer": (500, "InternalError")}, {"cut": "body"}])
def test_a_passing_fault_is_waited_out(bucket: ObjectPath, proxy: Proxy, fault: dict[str, object]) -> None:
    proxy.faults.append(Fault(lambda method, _: method == "PUT", times=2, **fault))  # type: ignore[arg-type]
    (bucket / "x").write_bytes(b"x" * 5000)
    assert (bucket / "x").read_bytes() == b"x" * 5000
    assert sum(method == "PUT" for method, _ in proxy.asked) == 3


def test_an_answer_that_breaks_off_is_asked_for_again(bucket: ObjectPath, proxy: Proxy) -> None:
    (bucket / "x").write_bytes(bytes(range(256)) * 40)
    proxy.faults.append(Fault(lambda method, _: method == "GET", times=1, cut="answer"))
    assert (bucket / "x").read_bytes() == bytes(range(256)) * 40
    proxy.faults.append(Fault(lambda method, _: method == "GET", times=1, cut="answer"))
    with (bucket / "x").open("rb") as file:
        assert file.read() == bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"answer": (503, "SlowDown")}, r"could not serve .*\(503 SlowDown\)"),
        ({"cut": "silent"}, "the connection to the store failed"),
        ({"hang": 2.5}, "the connection to the store failed .*[Tt]imeout"),
    ],
)
def test_a_lasting_fault_ends_after_few_attempts_in_a_sentence(
    bucket: ObjectPath, proxy: Proxy, fault: dict[str, object], said: str
) -> None:
    proxy.faults.append(Fault(everything, **fault))  # type: ignore[arg-type]
    with pytest.raises(StorageError, match=said) as raised:
        (bucket / "data" / "x").write_bytes(b"x")
    assert f"{bucket}/data/x" in str(raised.value) and "run the same command again" in str(raised.value)
    assert "127.0.0.1" not in str(raised.value) and "\n" not in str(raised.value)
    assert 3 <= len(proxy.asked) <= 4 * object_store.ATTEMPTS
    assert isinstance(pickle.loads(pickle.dumps(raised.value)), ArtsimError)  # workers send it to their parent


# --- large files ---


def test_a_part_that_breaks_off_is_sent_again(
    bucket: ObjectPath, proxy: Proxy, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "PART", 5 << 20)
    proxy.faults.append(Fault(a_part, times=1, cut="body"))
    stored = (bucket / "large").put(large)
    assert stored.st_size == large.stat().st_size
    assert sha256_of(bucket / "large") == sha256_of(large)
    assert sum(a_part(*asked) for asked in proxy.asked) == 2


def test_an_upload_that_fails_leaves_nothing_and_the_object_of_before(
    bucket: ObjectPath, proxy: Proxy, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "PART", 5 << 20)
    (bucket / "large").write_bytes(b"before")
    proxy.faults.append(Fault(a_part, cut="body"))
    with pytest.raises(StorageError, match=f"failed for s3://{bucket.key}/large"):
        (bucket / "large").put(large)
    assert (bucket / "large").read_bytes() == b"before"
    assert bucket.files().keys() == {"large"} and uploads(bucket) == []


def test_an_upload_whose_process_is_killed_is_invisible_and_can_be_swept_up(
    bucket: ObjectPath, proxy: Proxy, large: Path
) -> None:
    code = f"""if True:
        from pathlib import Path
        from artsim_dataset import object_store, storage
        object_store.PART = 5 << 20
        storage.place("{bucket}/data/large").put(Path("{large}"))
    """
    proxy.faults.append(Fault(a_part, hang=30))
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        while not any(a_part(*asked) for asked in list(proxy.asked)):
            time.sleep(0.02)
            assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert bucket.files() == {} and not (bucket / "data").exists()
    assert uploads(bucket) == ["data/large"]
    assert (bucket / "dat").abort_uploads() == 0  # another's, whose name only begins alike
    assert (bucket / "data").abort_uploads() == 1
    assert uploads(bucket) == []
