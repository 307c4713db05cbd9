import pickle
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset.schema import painting_id_of, seed_from
from builder.models import PromptTask
from builder.models.grammar import CHANGES
from builder.models.lite_prompt import GrammarWriter, SilentWriter
from builder.stage import Reject, Row, fingerprint
from builder.stages.prompt import PromptStage, draw_levels

SIZES = st.dictionaries(st.sampled_from(["Baroque", "Cubism", "Rococo"]), st.integers(1, 40), min_size=1)


class Echo:
    """A writer that repeats its task, and refuses paintings called 'no'."""

    batch = 16

    def write(self, tasks: Sequence[PromptTask]) -> list[str | Reject]:
        batches.append(len(tasks))
        return [
            Reject("refused", "not this one") if t.painting.title == "no" else f"{t.level} {t.change} {t.caption}"
            for t in tasks
        ]


batches: list[int] = []


@contextmanager
def open_echo() -> Iterator[Echo]:
    yield Echo()


@contextmanager
def open_silent() -> Iterator[SilentWriter]:
    yield SilentWriter()


@contextmanager
def open_grammar() -> Iterator[GrammarWriter]:
    yield GrammarWriter()


def stage(variants: int = 2, seed: int = 42, opener: object = open_echo) -> PromptStage:
    return PromptStage(opener, {"name": "echo"}, variants, 0.2, seed)  # type: ignore[arg-type]


def paintings(sizes: dict[str, int]) -> dict[str, str]:
    return {f"{genre}/a_{number}": genre for genre, size in sizes.items() for number in range(size)}


def row(painting: str, levels: str, changes: str, title: str = "t") -> Row:
    facts = {"genre": painting.split("/")[0], "artist": "a", "title": title, "caption": f"caption of {painting}"}
    return {"id": painting, **facts, "levels": levels, "changes": changes}


@given(SIZES, st.integers(1, 4), st.integers(0, 5), st.sampled_from([0.0, 0.2, 0.5, 1.0]))
def test_each_genre_has_exactly_its_share_of_moderate_variants(
    sizes: dict[str, int], variants: int, seed: int, share: float
) -> None:
    drawn = draw_levels(paintings(sizes), variants, share, seed)
    assert len(drawn) == sum(sizes.values()) * variants
    for genre, size in sizes.items():
        levels = [level for (painting, _), (level, _) in drawn.items() if painting.startswith(genre)]
        assert levels.count("moderate") == round(share * size * variants)
        assert levels.count("radical") == size * variants - levels.count("moderate")


@given(SIZES, st.integers(1, 4), st.integers(0, 5))
def test_each_genre_has_its_kinds_of_change_in_balance(sizes: dict[str, int], variants: int, seed: int) -> None:
    drawn = draw_levels(paintings(sizes), variants, 0.2, seed)
    kinds: dict[str, Counter[str]] = defaultdict(lambda: Counter(dict.fromkeys(CHANGES, 0)))
    for (painting, _), (level, change) in drawn.items():
        assert (change in CHANGES) == (level == "radical") and (change == "") == (level == "moderate")
        if change:
            kinds[painting.split("/")[0]][change] += 1
    for counts in kinds.values():
        assert max(counts.values()) - min(counts.values()) <= 1


def test_genres_too_small_for_all_kinds_do_not_begin_with_the_same_one() -> None:
    genres = {f"g{number}/a_b": f"g{number}" for number in range(200)}
    counts = Counter(change for _, change in draw_levels(genres, 1, 0.2, 42).values())
    assert set(counts) == set(CHANGES) and max(counts.values()) < 45


@settings(deadline=None, max_examples=40)
@given(st.integers(5, 120), st.integers(0, 3), st.integers(0, 10**6))
def test_one_more_painting_changes_at_most_one_other_level_and_none_in_other_genres(
    size: int, seed: int, new: int
) -> None:
    before = draw_levels(paintings({"Baroque": size, "Cubism": 9}), 1, 0.2, seed)
    after = draw_levels({**paintings({"Baroque": size, "Cubism": 9}), f"Baroque/new_{new}": "Baroque"}, 1, 0.2, seed)
    changed = [slot for slot in before if before[slot][0] != after[slot][0]]
    assert len(changed) <= 1 and all(painting.startswith("Baroque") for painting, _ in changed)
    others = [slot for slot in before if before[slot] != after[slot] and slot[0].startswith("Cubism")]
    assert others == []


def test_one_more_painting_changes_few_kinds_of_change() -> None:
    before = draw_levels(paintings({"Baroque": 1000}), 1, 0.2, 42)
    after = draw_levels(paintings({"Baroque": 1001}), 1, 0.2, 42)
    assert 0 < sum(before[slot] != after[slot] for slot in before) <= 12


def test_the_order_of_the_paintings_does_not_matter_and_the_seed_does() -> None:
    genres = paintings({"Baroque": 30, "Cubism": 20})
    backwards = dict(reversed(genres.items()))
    assert draw_levels(genres, 2, 0.2, 42) == draw_levels(backwards, 2, 0.2, 42) != draw_levels(genres, 2, 0.2, 43)


def test_the_plan_holds_one_row_for_each_painting() -> None:
    genres = paintings({"Baroque": 7, "Cubism": 3})
    table = pa.table({"id": list(genres), "genre": list(genres.values())})
    plan = stage(variants=3).plan(table)
    assert plan is not None and plan["id"].to_pylist() == list(genres)
    drawn = draw_levels(genres, 3, 0.2, 42)
    for planned in plan.to_pylist():
        pairs = zip(planned["levels"].split(","), planned["changes"].split(","), strict=True)
        assert list(pairs) == [drawn[planned["id"], index] for index in range(3)]
    assert stage().plan(table.slice(0, 0)) is None


def test_a_painting_becomes_its_variants_with_ids_seeds_and_prompts() -> None:
    with stage().open() as run:
        ((first, second),) = run([row("Baroque/a_b", "radical,moderate", "emotional,")])  # type: ignore[misc]
    assert first == {
        "id": "Baroque/a_b-0",
        "painting_id": "Baroque/a_b",
        "level": "radical",
        "change": "emotional",
        "variant_index": 0,
        "seed": seed_from("Baroque/a_b", "radical", 0, 42),
        "prompt_complete": "radical emotional caption of Baroque/a_b",
    }
    assert (second["id"], second["level"], second["change"]) == ("Baroque/a_b-1", "moderate", "")
    assert second["seed"] == seed_from("Baroque/a_b", "moderate", 1, 42)


def test_rows_fill_the_declared_columns_and_belong_to_their_painting() -> None:
    rows = [row(f"Baroque/a_{n}", "radical,moderate", f"{CHANGES[n % 10]},") for n in range(25)]
    with stage(opener=open_grammar).open() as run:
        results = list(run(iter(rows)))
    made = [variant for result in results for variant in result]
    table = pa.Table.from_pylist(made, schema=pa.schema([pa.field("id", pa.string()), *PromptStage.adds]))
    assert table.num_rows == 50 and len(set(table["id"].to_pylist())) == 50
    assert [painting_id_of(i) for i in table["id"].to_pylist()] == table["painting_id"].to_pylist()
    assert [variant["painting_id"] for variant in made[::2]] == [r["id"] for r in rows]
    assert len(set(table["prompt_complete"].to_pylist())) == 50


def test_a_variant_without_a_prompt_is_rejected_alone_and_the_next_is_not_shifted() -> None:
    rows = [row("B/a_b", "radical,moderate", "emotional,", "no"), row("B/c_d", "moderate,moderate", ",")]
    with stage().open() as run:
        rejected, kept = run(rows)
    assert rejected == [Reject("refused", "not this one", f"B/a_b-{index}") for index in (0, 1)]
    assert isinstance(kept, list)
    assert [v["painting_id"] for v in kept if isinstance(v, dict)] == ["B/c_d", "B/c_d"]


def test_without_a_share_of_moderate_prompts_there_are_no_levels() -> None:
    silent = PromptStage(open_silent, {}, 2, None, 42)
    table = pa.table({"id": ["B/a_b"], "genre": ["B"]})
    assert silent.plan(table).to_pylist() == [{"id": "B/a_b", "levels": ",", "changes": ","}]  # type: ignore[union-attr]
    with silent.open() as run:
        (made,) = run([row("B/a_b", ",", ",")])
    assert [(v["level"], v["change"], v["prompt_complete"]) for v in made] == [("", "", "")] * 2  # type: ignore[index, union-attr]


@pytest.mark.parametrize("variants", [1, 3, 40])
def test_the_model_is_asked_in_small_batches(variants: int) -> None:
    batches.clear()
    rows = [row(f"B/{n}", ",".join(["moderate"] * variants), "," * (variants - 1)) for n in range(20)]
    with stage(variants).open() as run:
        assert len(list(run(rows))) == 20
    assert sum(batches) == 20 * variants and max(batches) <= max(16, variants)


def test_settings_name_all_that_changes_the_prompts_and_the_stage_can_be_sent_to_a_worker() -> None:
    sent = pickle.loads(pickle.dumps(stage()))
    assert fingerprint(sent, "up") == fingerprint(stage(), "up")
    assert fingerprint(sent, "up") not in {fingerprint(stage(3), "up"), fingerprint(stage(seed=1), "up")}
    assert sent.settings()["moderate_share"] == 0.2 and sent.plan_reads == ("genre",)
