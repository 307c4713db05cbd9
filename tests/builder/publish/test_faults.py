"""`artsim publish` when something is wrong: with the folder, the name, the token, the Hub or the way to it.

In each case one sentence, nothing half-published on main, and the same command goes on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.builder.publish.commands import Commands, Done
from tests.builder.publish.conftest import reseal
from tests.builder.publish.test_publish import MAIN, Publish, changes, files_of, on_hub, sent
from tests.hub import Fault, Hub, Request, cut_answer, cut_upload, refuse, slow


def one_sentence(done: Done, code: int) -> str:
    """The error, which is one line on stderr and has no address and no traceback in it."""
    assert done.code == code, done.err
    last = done.err.strip().splitlines()[-1]
    assert last.startswith("artsim: ")
    assert "Traceback" not in done.err
    assert "http" not in done.err
    return last


def first(method: str, end: str, fault: Fault) -> Callable[[Request], Fault | None]:
    """The fault meets the first such request, and no other."""
    left = [fault]

    def decide(request: Request) -> Fault | None:
        return left.pop() if left and request.method == method and request.path.endswith(end) else None

    return decide


def whole(hub: Hub, repo: str, folder: Path) -> bool:
    return on_hub(hub, repo).keys() == files_of(folder).keys()


# --- refused before anything is sent -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("user/loading_script", "no repository that holds loading_script.py may be called 'loading_script'"),
        ("art", "give the repository with its owner: --repo user/art"),
        ("user/a--b", "cannot be the name of a repository"),
        ("user/a/b", "cannot be the name of a repository"),
        ("user/art.git", "cannot be the name of a repository"),
    ],
)
def test_a_name_that_would_not_work_is_refused(hub: Hub, artsim: Commands, made: Path, name: str, words: str) -> None:
    assert words in one_sentence(artsim("publish", made, "--repo", name), 2)
    assert hub.requests == []


def test_any_script_beside_the_data_forbids_its_name(hub: Hub, artsim: Commands, folder: Path) -> None:
    (folder / "mine.py").write_text("print()\n")
    assert "no repository that holds mine.py" in one_sentence(artsim("publish", folder, "--repo", "user/mine"), 2)
    hub.api().create_repo("user/theirs", repo_type="dataset")
    hub.api().upload_file(path_or_fileobj=b"x", path_in_repo="theirs.py", repo_id="user/theirs", repo_type="dataset")
    hub.requests.clear()
    assert "no repository that holds theirs.py" in one_sentence(artsim("publish", folder, "--repo", "user/theirs"), 2)
    assert changes(hub) == []


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("metadata.csv", "hf_" + "a" * 34, "must not be published: it holds what looks like a key"),
        ("data.csv", "/home/me/paintings/x.jpg", "must not be published: it holds a path of a machine"),
    ],
)
def test_a_secret_is_not_published(
    hub: Hub, artsim: Commands, folder: Path, repo: str, name: str, text: str, words: str
) -> None:
    lines = (folder / name).read_text().splitlines()
    (folder / name).write_text("\n".join([*lines, text]) + "\n")
    reseal(folder)
    assert f"{name} line {len(lines) + 1} {words}" in one_sentence(artsim("publish", folder, "--repo", repo), 1)
    assert hub.requests == []


def test_a_secret_in_a_row_is_not_published(hub: Hub, artsim: Commands, folder: Path, repo: str) -> None:
    (shard,) = (folder / "triplets").glob("train-*")
    table = pq.read_table(shard)
    captions = ["by someone@example.org", *table["anchor_caption"].to_pylist()[1:]]
    column = table.column_names.index("anchor_caption")
    pq.write_table(table.set_column(column, table.schema.field(column), [captions]), shard)
    reseal(folder)
    told = one_sentence(artsim("publish", folder, "--repo", repo), 1)
    assert "must not be published: it 'anchor_caption' holds an e-mail address: someone@example.org" in told
    assert hub.requests == []


def test_a_secret_beside_the_data_set_is_nobodys_business(hub: Hub, artsim: Commands, folder: Path, repo: str) -> None:
    (folder / ".env").write_text("HF_TOKEN=hf_" + "a" * 34)
    (folder / "notes.txt").write_text("hf_" + "a" * 34)
    assert artsim("publish", folder, "--repo", repo).code == 0
    assert whole(hub, repo, folder)


def test_a_folder_that_is_not_as_it_was_built_is_refused(
    hub: Hub, artsim: Commands, folder: Path, repo: str, tmp_path: Path
) -> None:
    with open(folder / "data.csv", "a") as file:
        file.write("\n")
    assert "data.csv is not as it was built" in one_sentence(artsim("publish", folder, "--repo", repo), 1)
    (folder / "data.csv").unlink()
    assert "is not whole: data.csv is missing" in one_sentence(artsim("publish", folder, "--repo", repo), 1)
    assert "make one: artsim build" in one_sentence(artsim("publish", tmp_path, "--repo", repo), 2)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["../outside.txt", "work/build.json", "/etc/hostname", ".env"])
def test_a_list_that_leads_out_of_the_data_set_is_not_followed(
    hub: Hub, artsim: Commands, folder: Path, repo: str, name: str
) -> None:
    with open(folder / "checksums.sha256", "a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    told = one_sentence(artsim("publish", folder, "--repo", repo), 1)
    assert f"lists '{name}', which is no file of a data set" in told
    assert hub.requests == []


# --- files of others -----------------------------------------------------------------------------------------------


def test_a_file_of_somebody_else_is_neither_replaced_nor_loaded_as_ours(
    hub: Hub, artsim: Commands, made: Path, repo: str
) -> None:
    api = hub.api()
    api.create_repo(repo, repo_type="dataset")
    api.upload_file(path_or_fileobj=b"a,b\n", path_in_repo="data.csv", repo_id=repo, repo_type="dataset")
    told = one_sentence(artsim("publish", made, "--repo", repo), 2)
    assert f"{repo} has a data.csv that artsim did not publish" in told
    api.delete_file("data.csv", repo, repo_type="dataset")
    api.upload_file(path_or_fileobj=b"P", path_in_repo="pairs/train-mine.parquet", repo_id=repo, repo_type="dataset")
    told = one_sentence(artsim("publish", made, "--repo", repo), 1)
    assert f"{repo} holds pairs/train-mine.parquet, which artsim did not publish" in told
    assert on_hub(hub, repo).keys() == {"pairs/train-mine.parquet"}


# --- tokens --------------------------------------------------------------------------------------------------------


def test_without_a_token_nothing_is_asked(hub: Hub, artsim: Commands, made: Path, repo: str) -> None:
    told = one_sentence(artsim("publish", made, "--repo", repo, HF_TOKEN=""), 2)
    assert "there is no token for the Hub: 'hf auth login' stores one" in told
    assert hub.requests == []


def test_a_token_that_nobody_has_is_said_to_be_so(hub: Hub, artsim: Commands, made: Path, repo: str) -> None:
    told = one_sentence(artsim("publish", made, "--repo", repo, HF_TOKEN="hf_stale"), 2)
    assert "the Hub does not know your token" in told
    assert "(401" in told


@pytest.mark.parametrize("whose", ["guest_token", "reader_token"])
def test_a_token_without_the_right_to_write_is_said_to_be_so(
    hub: Hub, artsim: Commands, made: Path, repo: str, whose: str
) -> None:
    told = one_sentence(artsim("publish", made, "--repo", repo, HF_TOKEN=getattr(hub, whose)), 2)
    assert f"your token may not do this to {repo} (403" in told
    assert f"datasets/{repo}" not in hub.repos


def test_offline_is_said_to_be_so(hub: Hub, made: Path, repo: str) -> None:
    """Read by the client when it is imported, so in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "artsim_dataset.cli", "publish", str(made), "--repo", repo],
        env={**hub.env, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{repo} cannot be reached while HF_HUB_OFFLINE is set: unset it" in done.stderr
    assert hub.requests == []


# --- faults that pass, and faults that stay ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "end", "fault", "words"),
    [
        ("POST", "/commit/main", refuse(500, "Internal Server Error"), "a fault of its own (500"),
        ("POST", "/commit/main", refuse(429, retry_after=1), "the Hub asks for a pause of 1 s"),
        ("POST", "/commit/main", cut_upload(100), "the connection to the Hub failed"),
        ("POST", "/commit/main", cut_answer(0), "the connection to the Hub failed"),
        ("POST", "/api/repos/create", refuse(503), "a fault of its own (503"),
        ("PUT", "", cut_upload(5000), ""),
    ],
    ids=["500", "429", "cut commit", "lost answer", "503", "cut file"],
)
def test_a_fault_that_passes_is_waited_out(
    hub: Hub, artsim: Commands, made: Path, repo: str, method: str, end: str, fault: Fault, words: str
) -> None:
    hub.fault = first(method, end, fault)
    done = artsim("publish", made, "--repo", repo)
    assert done.code == 0, done.err
    assert words in done.err
    assert "run the same command again" not in done.err  # it is run again here
    assert whole(hub, repo, made)
    assert len(list(hub.repos[f"datasets/{repo}"].log())) == 2  # one commit of ours, also when its answer was lost


@pytest.mark.parametrize(
    ("method", "end", "fault", "code", "words"),
    [
        ("POST", "/objects/batch", refuse(429, retry_after=4000), 1, "asks for a pause of 4000 s"),
        ("POST", "/commit/main", refuse(429, retry_after=4000), 1, "asks for a pause of 4000 s"),
        ("POST", "/objects/batch", refuse(403, "Repository storage limit reached"), 1, "there is no room for"),
        ("POST", "/commit/main", refuse(500), 1, "a fault of its own (500"),
    ],
    ids=["429 of the store", "429", "quota", "500"],
)
def test_a_fault_that_stays_is_a_sentence_and_the_same_command_goes_on(
    hub: Hub, artsim: Commands, made: Path, repo: str, method: str, end: str, fault: Fault, code: int, words: str
) -> None:
    hub.fault = lambda request: fault if request.method == method and request.path.endswith(end) else None
    told = one_sentence(artsim("publish", made, "--repo", repo), code)
    assert words in told
    assert on_hub(hub, repo) == {}
    hub.fault = lambda request: None
    assert artsim("publish", made, "--repo", repo).code == 0
    assert whole(hub, repo, made)


def test_work_of_somebody_else_meanwhile_is_not_overwritten(
    hub: Hub, artsim: Commands, folder: Path, repo: str, published: Publish
) -> None:
    before = published()
    (folder / "data.csv").write_text((folder / "data.csv").read_text() + "\n")
    reseal(folder)
    state = hub.repos[f"datasets/{repo}"]
    note = hub.objects.add(b"mine")

    def meanwhile(request: Request) -> None:
        if request.method == "POST" and request.path.endswith("/commit/main") and state.refs[MAIN] == before:
            state.add(MAIN, {**state.files(), "note.md": note}, "theirs", "", "guest")

    hub.fault = meanwhile
    told = one_sentence(artsim("publish", folder, "--repo", repo), 1)
    assert f"{repo} was changed by somebody else meanwhile" in told
    assert on_hub(hub, repo)["data.csv"] != (folder / "data.csv").read_bytes()
    assert artsim("publish", folder, "--repo", repo).code == 0
    assert on_hub(hub, repo).keys() == {*files_of(folder), "note.md"}
    assert on_hub(hub, repo)["data.csv"] == (folder / "data.csv").read_bytes()


def test_killed_in_the_middle_of_an_upload_it_goes_on(made: Path, repo: str) -> None:
    """Of the files, some have arrived, some are on their way, and some wait; then the process is gone."""
    command = [sys.executable, "-m", "artsim_dataset.cli", "publish", str(made), "--repo", repo]
    with Hub() as hub:
        hub.lfs_from = 4096
        hub.fault = lambda r: slow(30) if r.method == "PUT" and done_puts(hub) >= 4 else None
        process = subprocess.Popen(command, env=hub.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while done_puts(hub) < 4 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert on_hub(hub, repo) == {}
        arrived = {r.path for r in hub.requests if r.method == "PUT" and r.status == 200}
        assert len(arrived) >= 4
        hub.fault = lambda request: None
        hub.requests.clear()
        done = subprocess.run(command, env=hub.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert whole(hub, repo, made)
        again = {r.path for r in hub.requests if r.method == "PUT"}
        assert again
        assert again.isdisjoint(arrived)
        assert sent(hub) < sum(map(len, files_of(made).values()))


def done_puts(hub: Hub) -> int:
    return sum(r.method == "PUT" and r.status == 200 for r in hub.requests)


# --- what is read back ---------------------------------------------------------------------------------------------


def test_what_is_not_as_it_was_sent_is_told(hub: Hub, artsim: Commands, made: Path, repo: str) -> None:
    """A Hub that loses a file, and one that keeps other bytes, between the commit and the reading back."""
    state = lambda: hub.repos[f"datasets/{repo}"]  # noqa: E731

    def losing(name: str, content: bytes | None) -> Callable[[Request], None]:
        def decide(request: Request) -> None:
            if "/tree/" in request.path and request.method == "GET" and f"datasets/{repo}" in hub.repos:
                tree = state().commits[state().refs[MAIN]].tree
                if name in tree and content is None:
                    del tree[name]
                elif name in tree and content is not None:
                    tree[name] = hub.objects.add(content)

        return decide

    hub.fault = losing("rejected.csv", None)
    assert "has no rejected.csv, which was published" in one_sentence(artsim("publish", made, "--repo", repo), 1)
    assert not [ref for ref in state().refs if "tags" in ref]
    size = len(files_of(made)["data.csv"])
    hub.fault = losing("data.csv", b"x" * size)
    assert "data.csv has other bytes in" in one_sentence(artsim("publish", made, "--repo", repo), 1)
    hub.fault = losing("data.csv", b"x")
    assert "data.csv has 1 bytes in" in one_sentence(artsim("publish", made, "--repo", repo), 1)
    hub.fault = lambda request: None
    assert artsim("publish", made, "--repo", repo).code == 0
    assert whole(hub, repo, made)


def test_a_card_that_loads_other_splits_is_told(hub: Hub, artsim: Commands, folder: Path, repo: str) -> None:
    build_json = json.loads((folder / "build.json").read_text())
    build_json["rows"]["metadata"] = {"train": build_json["rows"]["metadata"]["train"]}
    (folder / "build.json").write_text(json.dumps(build_json))
    reseal(folder)
    told = one_sentence(artsim("publish", folder, "--repo", repo), 1)
    assert f"config 'metadata' of {repo} has the splits" in told
    assert "the build has train" in told
