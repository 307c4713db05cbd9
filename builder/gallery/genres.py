"""The twenty-seven genres: what each of them paints, when, under which light, in which manner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from builder.gallery import cubism, manners
from builder.gallery.colour import Grade
from builder.gallery.layin import Ground, Look
from builder.gallery.studio import Array, Studio

ALL_DAY = ("", "at dawn", "at noon", "at dusk", "in autumn")


@dataclass(frozen=True)
class Genre:
    """One of the 27. ``subjects`` come in turn; its colours are in `pigments.py`."""

    subjects: tuple[str, ...]
    years: tuple[int, int]
    manner: Callable[[Studio, Ground], Array] = manners.photographic
    look: Look = Look()
    grade: Grade = Grade()
    moods: tuple[str, ...] = ("",)


def _of(subjects: str, first: int, last: int, **rest: object) -> Genre:
    return Genre(tuple(subjects.split()), (first, last), **rest)  # type: ignore[arg-type]


GENRES: dict[str, Genre] = {
    "Abstract_Expressionism": _of("bars brawl elegy thicket", 1946, 1962),
    "Action_painting": _of("skeins burst cascade", 1947, 1958),
    "Analytical_Cubism": _of(
        "guitar portrait still_life village lute cafe",
        1909,
        1912,
        manner=cubism.analytical,
        look=Look(0.8, haze=0.2),
        grade=Grade(1.0, 1.25),
    ),
    "Art_Nouveau_Modern": _of(
        "muse peacock bouquet dreamer dancer",
        1894,
        1911,
        manner=manners.poster,
        look=Look(0.0, haze=0.2, outline=0.008),
    ),
    "Baroque": _of(
        "vanitas lute still_life portrait bouquet room",
        1605,
        1668,
        manner=manners.chiaroscuro,
        look=Look(0.85, (-0.8, -0.5), 0.1),
    ),
    "Color_Field_Painting": _of("stacks zips veils stain spray", 1948, 1971),
    "Contemporary_Realism": _of(
        "roadside sunroom portrait cafe still_life boulevard",
        1962,
        2009,
        manner=manners.photographic,
        look=Look(0.55, (-0.8, -0.4), 0.3),
        moods=("at noon", "at dusk", "at dawn", ""),
    ),
    "Cubism": _of(
        "portrait village guitar still_life dancer harbour",
        1907,
        1921,
        manner=cubism.cubist,
        look=Look(0.9, haze=0.1),
        grade=Grade(1.1, 1.15),
    ),
    "Early_Renaissance": _of(
        "madonna saints loggia holy_family portrait",
        1290,
        1475,
        manner=manners.tempera,
        look=Look(0.45, (-0.4, -0.7), 0.3),
    ),
    "Expressionism": _of(
        "cry sufferer mountains portrait village dancer",
        1905,
        1925,
        manner=manners.expressionist,
        look=Look(0.4, haze=0.0),
        grade=Grade(1.15, 1.2),
        moods=("", "at dusk"),
    ),
    "Fauvism": _of(
        "harbour goldfish portrait avenue village bouquet",
        1904,
        1908,
        manner=manners.fauve,
        look=Look(0.2, haze=0.0),
        grade=Grade(1.08),
    ),
    "High_Renaissance": _of(
        "pyramid supper holy_family portrait loggia",
        1489,
        1525,
        manner=manners.sfumato,
        look=Look(0.7, (-0.5, -0.7), 0.7),
    ),
    "Impressionism": _of(
        "lilies harbour garden boulevard harvest river dancer",
        1867,
        1899,
        manner=manners.impressionist,
        look=Look(0.4, haze=0.7),
        moods=ALL_DAY,
    ),
    "Mannerism_Late_Renaissance": _of(
        "vision long_lady holy_family portrait supper",
        1520,
        1608,
        manner=manners.mannered,
        look=Look(0.8, (0.5, -0.7), 0.3),
        grade=Grade(1.05, 1.15),
    ),
    "Minimalism": _of("pinstripes ladder hard_edge grid wall_drawing tubes", 1959, 1975),
    "Naive_Art_Primitivism": _of(
        "jungle village windmill harbour snow bouquet",
        1886,
        1938,
        manner=manners.naive,
        look=Look(0.12, haze=0.1, outline=0.0035),
        moods=("", "at noon", "by moonlight", "at dusk"),
    ),
    "New_Realism": _of("heap torn sponges leftovers crushed", 1958, 1970),
    "Northern_Renaissance": _of(
        "room snow portrait bouquet vanitas long_lady",
        1430,
        1569,
        manner=manners.enamelled,
        look=Look(0.6, (-0.8, -0.4), 0.4),
    ),
    "Pointillism": _of(
        "river harbour avenue dancer windmill garden",
        1884,
        1909,
        manner=manners.pointillist,
        look=Look(0.45, haze=0.5),
        moods=("", "at noon", "at dawn", "at dusk"),
    ),
    "Pop_Art": _of("cans boom four_faces target", 1958, 1975),
    "Post_Impressionism": _of(
        "night bedroom sunflowers mountains avenue portrait harvest",
        1884,
        1906,
        manner=manners.swirling,
        look=Look(0.4, haze=0.2),
        grade=Grade(1.1, 1.05),
    ),
    "Realism": _of(
        "gleaners toilers portrait avenue still_life windmill",
        1848,
        1884,
        manner=manners.realist,
        look=Look(0.6, haze=0.6),
        grade=Grade(0.85),
        moods=("", "in autumn", "in a storm", "at dusk"),
    ),
    "Rococo": _of("swing fete portrait bouquet dancer", 1717, 1779, manner=manners.rococo, look=Look(0.4, haze=0.6)),
    "Romanticism": _of(
        "wanderer tempest ruins mountains island",
        1798,
        1849,
        manner=manners.romantic,
        look=Look(0.6, haze=0.9),
        moods=("", "in a storm", "at dusk", "at dawn", "by moonlight"),
    ),
    "Symbolism": _of(
        "island dreamer vision portrait ruins lilies",
        1880,
        1912,
        manner=manners.symbolist,
        look=Look(0.5, haze=0.6),
        moods=("", "by moonlight", "at dusk"),
    ),
    "Synthetic_Cubism": _of(
        "guitar still_life cafe portrait goldfish", 1912, 1925, manner=cubism.collage, look=Look(0.0, haze=0.0)
    ),
    "Ukiyo_e": _of(
        "wave beauty rain blossom mountains",
        1765,
        1857,
        manner=manners.woodblock,
        look=Look(0.0, haze=0.35, outline=0.005),
    ),
}
