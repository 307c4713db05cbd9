"""The plan, on files that hypothesis makes up, against what a person would say in a sentence each."""

from __future__ import annotations

from hashlib import sha1, sha256

from hypothesis import given
from hypothesis import strategies as st

from builder.publish.plan import FIRST, LAST, LocalFile, Plan, RemoteFile, blob_id, make_plan, strangers

NAMES = ["README.md", "build.json", "checksums.sha256", "data.csv", "pairs/a", "pairs/b", "notes.md", ".gitattributes"]
contents = st.sampled_from([b"", b"one", b"two", b"owt"])


def local(name: str, content: bytes) -> LocalFile:
    return LocalFile(name, len(content), sha256(content).hexdigest(), content)


def remote(content: bytes, large: bool) -> RemoteFile:
    """As the Hub lists it: of a large file the sha256, and git's name of its pointer."""
    oid = sha256(content).hexdigest()
    return RemoteFile(len(content), blob_id(oid.encode() if large else content), oid if large else None)


@given(
    st.dictionaries(st.sampled_from(NAMES[:6]), contents, min_size=1),
    st.dictionaries(st.sampled_from(NAMES), st.tuples(contents, st.booleans())),
    st.sets(st.sampled_from(NAMES)),
)
def test_carrying_out_a_plan_gives_the_files_here_and_touches_no_others(
    here: dict[str, bytes], there: dict[str, tuple[bytes, bool]], owned: set[str]
) -> None:
    plan = make_plan(
        {name: local(name, content) for name, content in here.items()},
        {name: remote(*file) for name, file in there.items()},
        owned.__contains__,
    )
    result = {name: content for name, (content, _) in there.items() if name not in plan.removed}
    result |= {name: here[name] for name in plan.sent}
    others = {n: c for n, (c, _) in there.items() if n not in here and (n not in owned or n == ".gitattributes")}
    assert result == {**others, **here}
    assert set(plan.new) == here.keys() - there.keys()
    assert all(there[name][0] != here[name] for name in plan.changed)
    assert all(there[name][0] == here[name] for name in plan.unchanged)
    assert plan.operations == len(plan.sent) + len(plan.removed)
    assert plan.bytes(plan.sent) == sum(len(here[name]) for name in plan.sent)
    assert plan.bytes(plan.removed) == sum(len(there[name][0]) for name in plan.removed)


@given(st.sets(st.sampled_from([*NAMES[:5], *(f"pairs/{n:03}" for n in range(30))])), st.integers(1, 12))
def test_commits_are_small_and_say_what_they_are_first_and_what_they_hold_last(names: set[str], most: int) -> None:
    gone = {name for name in names if name.endswith("7")}
    plan = Plan(tuple(sorted(names - gone)), (), (), tuple(sorted(gone)), dict.fromkeys(names, 1))
    commits = list(plan.commits(most))
    assert all(0 < len(added) + len(removed) <= most for added, removed in commits)
    order = [name for added, removed in commits for name in (*added, *removed)]
    assert sorted(order) == sorted(names)
    assert {name for _, removed in commits for name in removed} == gone
    place = {name: number for number, part in enumerate(commits) for name in (*part[0], *part[1])}
    early = {FIRST} & names - gone | gone
    assert all(place[name] <= len(early) // most for name in early)
    data = [place[name] for name in names if name not in (FIRST, *LAST)]
    assert all(place[name] >= max(data, default=0) for name in LAST if name in place)


def test_a_blob_has_the_name_that_git_gives_it() -> None:
    assert blob_id(b"what is up, doc?") == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"  # Pro Git, chapter 10.2
    assert blob_id(b"x") == sha1(b"blob 1\0x").hexdigest()


def test_only_what_the_card_would_load_is_a_stranger() -> None:
    plan = make_plan({"pairs/train-0": local("pairs/train-0", b"x")}, {}, lambda name: False)
    names = ["pairs/train-0", "pairs/train-mine.parquet", "pairs/notes.md", "mine/train-0", "train-1", "images/test-1"]
    assert strangers(names, plan, ["pairs", "metadata"]) == ("pairs/train-mine.parquet",)
