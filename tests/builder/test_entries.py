from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from artsim_dataset.schema import seed_from
from builder.build import _write_source, shard_count
from builder.digests import DIGESTS, add_digests
from builder.entries import Entries, Entry, Listing, short_hash
from builder.stages.source import list_source
from tests.memory import python_bytes_a_row

NAMES = st.sampled_from([f"Cubism/{artist}_{title}" for artist in ("a", "b", "") for title in ("x", "y", "z")])
PATHS = st.text("abcßé/ ", min_size=1, max_size=8)
ENTRIES = st.builds(Entry, NAMES, PATHS, st.just("Cubism"), st.text(max_size=3), st.text(max_size=3), st.text("0f"))
LISTED = st.lists(ENTRIES, max_size=30, unique_by=lambda entry: entry.path)


def naively_unique(entries: list[Entry]) -> list[Entry]:
    seen: set[str] = set()
    result = []
    for entry in sorted(entries, key=lambda e: e.path):
        named = replace(entry, id=f"{entry.id}-{short_hash(entry.path)}") if entry.id in seen else entry
        seen.add(named.id)
        result.append(named)
    return result


@given(LISTED)
def test_entries_are_a_sequence_of_what_was_put_in(listed: list[Entry]) -> None:
    entries = Entries.of(iter(listed))
    assert list(entries) == listed and len(entries) == len(listed)
    assert [entries[n] for n in range(-len(listed), len(listed))] == [*listed, *listed]
    assert list(entries[1:3]) == listed[1:3] and entries == Entries.of(listed)


@given(LISTED)
def test_paintings_are_told_apart_as_one_by_one(listed: list[Entry]) -> None:
    assert list(Entries.of(listed).unique()) == naively_unique(listed)


def test_a_name_that_looks_like_one_made_up_is_told_apart_as_well() -> None:
    names = ["Cubism/a", "Cubism/a", f"Cubism/a-{short_hash('1')}"]
    entries = Entries.of(Entry(name, f"{n}", "Cubism", "", "") for n, name in enumerate(names))
    ids = [entry.id for entry in entries.unique()]
    assert len(set(ids)) == 3 and ids[:2] == ["Cubism/a", f"Cubism/a-{short_hash('1')}"]


@given(LISTED, st.integers(0, 40) | st.none())
def test_a_sample_is_the_first_by_the_hash_of_the_id(listed: list[Entry], limit: int | None) -> None:
    entries = Entries.of(listed).unique()
    ordered = sorted(entries, key=lambda e: (seed_from("order", e.id), e.id))
    assert list(entries.sample(limit)) == ordered[:limit]


def made_up(rows: int) -> Iterator[Entry]:
    for n in range(rows):
        name = f"some-artist-{n % 900}_a-title-of-usual-length-{n // 2}"
        yield Entry(
            f"Cubism/{name}", f"Cubism/{name}-{n}.jpg", "Cubism", f"some artist {n % 900}", f"title {n}", "0" * 64
        )


def shards_of(work: Path, entries: Entries) -> list[set[str]]:
    folder, shards, _ = _write_source(work, entries, [], 8)
    return [set(folder.read(shard, ["id"])["id"].to_pylist()) for shard in shards]


def test_a_limited_build_keeps_all_workers_busy(tmp_path: Path) -> None:
    """The first by hash share the first bits of their hash: by these they would all be in the first shard."""
    entries = Entries.of(made_up(6_400))
    sizes = [len(ids) for ids in shards_of(tmp_path, entries.unique().sample(64))]
    assert sum(sizes) == 64 and len(sizes) == 8 and max(sizes) <= 16


def test_twice_the_paintings_split_each_shard_in_two_and_move_no_other_row(tmp_path: Path) -> None:
    entries = Entries.of(made_up(6_400)).unique()
    few, many = (shards_of(tmp_path / f"{rows}", entries.sample(rows)) for rows in (64, 128))
    assert len(many) == 2 * len(few)
    for shard, ids in enumerate(few):
        assert ids <= many[shard] | many[shard + len(few)]


def test_no_step_of_the_listing_holds_all_paintings_as_objects(tmp_path: Path) -> None:
    """An Entry alone, with its texts, takes 600 bytes."""

    def step(rows: int) -> None:
        entries = Entries.of(made_up(rows)).unique().sample(None)
        _write_source(tmp_path / f"{rows}-{shard_count(rows, 128)}", entries, [], 128)

    assert python_bytes_a_row(step) < 150


def test_the_digests_of_known_files_are_found_without_holding_all_as_objects(tmp_path: Path) -> None:
    def files(rows: int) -> Listing:
        root = tmp_path / f"{rows}"
        if not root.exists():
            for n in range(rows):
                path = root / ("Cubism", "Rococo")[n % 2] / f"artist_{n}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        return list_source(str(root))

    known = {}
    for rows in (5_000, 12_000):
        listing = files(rows)
        entries, known[rows] = add_digests(listing, listing.entries, DIGESTS.empty_table())
        again, same = add_digests(listing, entries, known[rows].take(list(range(rows))[::-1]))
        assert len(entries) == rows and again == entries and same.equals(known[rows])

    def step(rows: int) -> None:
        listing = files(rows)
        add_digests(listing, listing.entries, known[rows])

    assert python_bytes_a_row(step, 5_000, 12_000) < 250
