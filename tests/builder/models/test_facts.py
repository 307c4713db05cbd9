import pytest
from hypothesis import given
from hypothesis import strategies as st

from artsim_dataset.schema import GENRES, Painting
from builder.models.facts import Guard, read_facts, words
from builder.models.lite_caption import FORM_NOUNS, LIGHT_NOUNS, SURFACE_NOUNS, genre_words
from builder.models.palette import NAMES


def painting(artist: str = "x", title: str = "y") -> Painting:
    return Painting("Baroque/x_y", "Baroque", artist, title)


def test_a_measured_caption_is_read_back() -> None:
    facts = read_facts(
        "a Baroque painting in deep brown with grey and touches of ochre, very dark with stark contrasts and a bright "
        "centre, portrait format, detail gathered on the left, near symmetry, a smooth surface",
        "Baroque",
    )
    assert facts.colours == ("deep brown", "grey", "ochre")
    assert facts.light == ("the stark contrasts of light and dark", "the light at the centre")
    assert facts.forms == ("the weight of detail on the left", "the near symmetry")
    assert facts.surface == ("the smooth surface",)
    assert "this Baroque painting" in facts.works


@given(
    st.sampled_from(GENRES),
    st.lists(st.sampled_from(sorted(NAMES)), min_size=3, max_size=3, unique=True),
    st.sampled_from(
        sorted(set(LIGHT_NOUNS) - {"a bright centre", "a dark centre", "stark contrasts", "soft contrasts"})
    ),
    st.sampled_from(sorted(FORM_NOUNS)),
    st.sampled_from(sorted(SURFACE_NOUNS)),
)
def test_every_phrase_of_the_captioner_is_understood(
    genre: str, colours: list[str], light: str, form: str, surface: str
) -> None:
    palette = f"mostly {colours[0]} with {colours[1]} and touches of {colours[2]}"
    text = f"{genre_words(genre)} in {palette}, dark, {light}, square format, {form}, {surface}"
    facts = read_facts(text, genre)
    assert facts.colours == tuple(colours)
    assert (facts.light, facts.forms, facts.surface) == (
        (LIGHT_NOUNS[light],),
        (FORM_NOUNS[form],),
        (SURFACE_NOUNS[surface],),
    )


def test_a_subject_is_read_from_the_caption_of_a_vision_model() -> None:
    facts = read_facts("a painting of three boats in a harbor", "Impressionism")
    assert facts.works[0] == "the picture of three boats in a harbor"
    assert facts.colours == facts.light == facts.forms == facts.surface == ()


@pytest.mark.parametrize("caption", ["", "two dogs", "a painting", "a white bird is perched on a tall building."])
def test_other_captions_yield_no_facts_and_no_error(caption: str) -> None:
    facts = read_facts(caption, "Realism")
    assert facts.works[0] == "the scene" and not facts.colours


@pytest.mark.parametrize(
    ("artist", "title", "text", "allowed"),
    [
        ("claude-monet", "y", "in the manner of MONET", False),
        ("claude-monet", "y", "monetary matters", True),
        ("Guy Rose", "y", "rose-coloured", False),
        ("Édouard Manet", "y", "an edouard by the sea", False),
        ("vincent-van-gogh", "y", "a van on the road", True),
        ("Hans Holbein the Younger", "y", "the light", True),
        ("x", "the-hay-wain", "a wain of hay", True),
        ("x", "the-hay-wain", "Paint the hay wain at dusk.", False),
        ("x", "hay-wain-1821(2)", "a Hay, Wain", False),
        ("x", "Winter", "early winter", False),
        ("x", "Winter", "a wintry field", True),
        ("x", "untitled-1955", "in 1955", True),
        ("x", "12", "12 figures", True),
        ("x", "The", "the light", True),
    ],
)
def test_the_guard_knows_names_and_titles(artist: str, title: str, text: str, allowed: bool) -> None:
    assert Guard(painting(artist, title)).allows(text) is allowed


def test_facts_that_name_the_painting_are_left_out_and_something_to_name_it_remains() -> None:
    facts = read_facts("a Baroque painting in brown and umber, dark, evenly lit, square format, fine detail", "Baroque")
    kept = facts.allowed(Guard(painting("ford-madox-brown", "detail")))
    assert kept.colours == ("umber",)
    assert kept.surface == ()
    assert kept.light == ("the even light",)
    only_subject = read_facts("a painting of a harbor", "Baroque").allowed(Guard(painting("x", "a harbor")))
    assert only_subject.works == ("it",)


def test_words_ignore_case_accents_and_marks() -> None:
    assert words("Dürer's_Été, O’Keeffe") == ["durer", "s", "ete", "o", "keeffe"]
