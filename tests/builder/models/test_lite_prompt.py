import csv
import gzip
import re
import statistics
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import GENRES, MAX_PROMPT_WORDS, Painting, seed_from
from builder.models import PromptTask, clip_tokens, lite_prompt
from builder.models.grammar import CHANGES, moderate, radical
from builder.models.lite_prompt import GrammarWriter, _listed
from builder.stage import Reject

SHARED = Path(__file__).parents[4] / "shared" / "data" / "wikiart" / "wikiart_styles.csv.gz"
CAPTIONS = (
    "a Realist painting in deep brown with grey and dark olive, dark, bright above and dark below, landscape format, "
    "detail gathered in the middle, horizontal bands, fine detail",
    "a Realist painting in mostly white with red and touches of blue, very light with soft contrasts, evenly lit, "
    "portrait format, near symmetry, a smooth surface",
    "a Realist painting in almost nothing but black, very dark with a dark centre, square format",
    "a painting of three boats in a harbor",
    "",
)


def task(
    level: str = "radical",
    change: str = "emotional",
    seed: int = 0,
    caption: str = CAPTIONS[0],
    artist: str = "x",
    title: str = "y",
    genre: str = "Realism",
) -> PromptTask:
    change = change if level == "radical" else ""
    return PromptTask(Painting("a/b", genre, artist, title), caption, level, change, seed)  # type: ignore[arg-type]


def write(*tasks: PromptTask) -> list[str]:
    answers = GrammarWriter().write(tasks)
    assert not [answer for answer in answers if isinstance(answer, Reject)]
    return [str(answer) for answer in answers]


def plain(text: str) -> list[str]:
    """Words without case and accents, by another way than the guard's."""
    letters = unicodedata.normalize("NFD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", " ", letters).split()


LEVELS_AND_CHANGES = [("moderate", ""), *(("radical", change) for change in CHANGES)]
any_task = st.builds(
    lambda level_change, seed, caption, genre: task(*level_change, seed=seed, caption=caption, genre=genre),
    st.sampled_from(LEVELS_AND_CHANGES),
    st.integers(0, 2**63 - 1),
    st.sampled_from(CAPTIONS),
    st.sampled_from([*GENRES, ""]),
)


@settings(deadline=None, max_examples=300)
@given(any_task)
def test_prompts_are_well_formed_english_of_at_most_75_words(made: PromptTask) -> None:
    (text,) = write(made)
    assert 8 <= len(text.split()) <= MAX_PROMPT_WORDS
    assert text == " ".join(text.split()) and "{" not in text and "}" not in text
    assert text[-1] == "." and not re.search(r"\s[,.:;]|[,:;]\.|\.\.|,,", text)
    for sentence in re.split(r"(?<=\.) ", text):
        assert sentence[0].isupper(), text
    assert not re.search(r"\b(\w+) \1\b", text), text
    assert not re.search(r"\ba [aeio]|\ban [bcdfgjklmpqrstvwxz]", text.lower().replace("a one", "")), text


@settings(deadline=None, max_examples=50)
@given(any_task)
def test_the_same_task_gives_the_same_prompt_alone_or_in_a_batch(made: PromptTask) -> None:
    other = task(seed=made.seed + 1)
    assert write(made) == write(other, made)[1:] == write(made, other)[:1]


def test_seeds_give_thousands_of_different_prompts_of_each_kind() -> None:
    for level, change in LEVELS_AND_CHANGES:
        prompts = write(*(task(level, change, seed) for seed in range(300)))
        assert len(set(prompts)) > 295, (level, change)


def test_prompts_are_as_long_as_those_of_s1_and_some_are_short() -> None:
    tasks = [task(*LEVELS_AND_CHANGES[s % 11], seed=seed_from(s), caption=CAPTIONS[s % 2]) for s in range(660)]
    tokens = [clip_tokens.count(prompt) for prompt in write(*tasks)]
    assert 80 <= statistics.mean(tokens) <= 95
    assert 0.05 < sum(count <= 75 for count in tokens) / len(tokens) < 0.35


@pytest.mark.parametrize("change", CHANGES)
def test_a_radical_prompt_speaks_of_one_world_of_its_kind(change: str) -> None:
    intos = {world.into: change_of for change_of, kind in radical().items() for world in kind.worlds}
    for prompt in write(*(task(change=change, seed=seed) for seed in range(40))):
        named = [of for into, of in intos.items() if into in prompt]
        assert named == [change]


def test_a_moderate_prompt_keeps_the_scene_and_moves_to_no_world() -> None:
    whens, ways = [w.name for w in moderate().whens], [t.name for t in moderate().techniques]
    keeps = (
        "keep",
        "kept",
        "leave",
        "without moving",
        "respect",
        "same",
        "preserve",
        "faithful",
        "hold",
        "trace",
        "stays",
    )
    keeps += ("nothing away", "variation")
    for prompt in write(*(task("moderate", seed=seed) for seed in range(120))):
        assert not any(world.into in prompt for kind in radical().values() for world in kind.worlds)
        assert any(name in prompt for name in [*whens, *ways]) or any(
            c in prompt for w in moderate().whens for c in w.colours
        )
        assert any(keep in prompt.lower() for keep in keeps), prompt


def test_what_the_caption_measured_is_used() -> None:
    prompts = write(*(task(seed=seed, caption=CAPTIONS[0]) for seed in range(60)))
    assert sum("deep brown and grey" in p or "deep brown, grey" in p for p in prompts) > 30
    assert sum("the knot of detail in the middle" in p or "the horizontal bands" in p for p in prompts) > 15
    assert sum("the light in the upper part" in p for p in prompts) > 10
    subject = write(*(task(seed=seed, caption="a painting of three boats in a harbor") for seed in range(10)))
    assert all("three boats in a harbor" in prompt for prompt in subject)


def test_no_colour_is_traded_for_itself() -> None:
    caption = "a Realist painting in black with ochre and white, dark, evenly lit, square format, near symmetry"
    worlds = [world for kind in radical().values() for world in kind.worlds]
    traded = 0
    for prompt in write(*(task("radical", CHANGES[s % 10], s, caption) for s in range(400))):
        for world in worlds:
            if f" {world.palette}." in prompt:
                before = prompt.split(world.palette)[0].rpartition(". ")[2]
                traded += "black" in before
                assert not [c for c in ("black", "ochre", "white") if c in world.palette and c in before], prompt
    assert traded > 100


def test_worlds_that_would_change_nothing_are_avoided() -> None:
    prompts = write(*(task(change="cultural-reinterpretation", seed=s, genre="Ukiyo_e") for s in range(120)))
    assert not any("woodblock" in prompt for prompt in prompts)
    others = write(*(task(change="cultural-reinterpretation", seed=s) for s in range(120)))
    assert any("woodblock" in prompt for prompt in others)


@settings(deadline=None, max_examples=150)
@given(
    any_task,
    st.sampled_from(
        ["brown", "light", "picture", "scene", "colours", "rose", "still", "wood", "keep", "grey", "original"]
    ),
    st.booleans(),
)
def test_everyday_words_are_avoided_when_they_name_the_painting(made: PromptTask, word: str, as_title: bool) -> None:
    named = Painting("a/b", made.painting.genre, "x" if as_title else f"Anna {word}", word if as_title else "y")
    (text,) = write(PromptTask(named, made.caption, made.level, made.change, made.seed))
    assert word not in plain(text)


def test_forbidden_words_are_passed_over_when_choosing_and_not_only_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite_prompt, "_ATTEMPTS", 1)
    for word in ("picture", "brown", "centre", "scene", "colours", "keep", "surface"):
        write(*(task(*LEVELS_AND_CHANGES[seed % 11], seed=seed, title=word) for seed in range(44)))


def test_no_prompt_for_real_paintings_names_artist_or_title() -> None:
    if not SHARED.is_file():
        pytest.skip("needs ../shared/data, which a user's clone has not")
    with gzip.open(SHARED, "rt", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file)][::160]
    exempt = set(
        plain("the van von der den del della des dos das los las les ter ten and with for from but not its this that")
    )
    for number, path in enumerate(paths):
        genre, name = path.removesuffix(".jpg").split("/")
        artist, _, title = name.partition("_")
        level, change = LEVELS_AND_CHANGES[number % 11]
        (text,) = write(task(level, change, number, CAPTIONS[number % 5], artist, title, genre))
        said = plain(text)
        assert not {w for w in plain(artist) if len(w) > 2 and w not in exempt} & set(said), (path, text)
        whole = [w for w in plain(title) if not w.isdigit()]
        if any(len(w) > 2 and w not in exempt for w in whole):
            assert f" {' '.join(whole)} " not in f" {' '.join(said)} ", (path, text)


@pytest.mark.parametrize(("level", "change"), [("radical", ""), ("radical", "cyberpunk"), ("mild", "emotional")])
def test_an_unknown_level_or_kind_is_refused(level: str, change: str) -> None:
    with pytest.raises(ConfigError, match="no prompt can be written"):
        GrammarWriter().write([PromptTask(Painting("a", "Realism", "x", "y"), "", level, change, 0)])  # type: ignore[arg-type]


def test_a_painting_that_cannot_be_kept_out_is_rejected_with_a_reason() -> None:
    everything = " ".join(sorted({w for s in range(400) for w in plain(write(task("moderate", seed=s))[0])}))
    (answer,) = GrammarWriter().write([task("moderate", artist=everything)])
    assert isinstance(answer, Reject) and answer.reason == "prompt_names_painting"


def test_lists_are_joined_as_in_speech() -> None:
    assert [_listed(["a"]), _listed(["a", "b"]), _listed([])] == ["a", "a and b", ""]
