"""The repertoire: each subject with the format it asks for and the titles it may be hung under."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from builder.gallery.scenes import country, doings, flowers, places, prints, sacred, sitters, souls, tables, waters
from builder.gallery.shapes import Frame, Shapes
from builder.gallery.studio import Array, Studio
from builder.gallery.works import drips, fields, gestures, heaps, minimal, pop

FORMATS: dict[str, tuple[float, ...]] = {
    "wide": (1.25, 1.333, 1.5, 1.6),
    "tall": (0.667, 0.75, 0.8, 0.714),
    "any": (1.0, 0.8, 1.25, 1.0),
}
"""Width over height."""


@dataclass(frozen=True)
class Subject:
    """Something to paint. A scene is painted in a manner; a work paints itself.

    ``airy`` subjects are out of doors, where the mood of the day changes the picture and its title;
    ``framed`` ones carry their own frame and are always seen whole.
    """

    titles: tuple[str, ...]
    form: str
    scene: Callable[[Frame, np.random.Generator], Shapes] | None = None
    work: Callable[[Studio], Array] | None = None
    airy: bool = False
    framed: bool = False


def _scene(
    scene: Callable[[Frame, np.random.Generator], Shapes],
    form: str,
    *titles: str,
    airy: bool = False,
    framed: bool = False,
) -> Subject:
    return Subject(titles, form, scene=scene, airy=airy, framed=framed)


def _work(work: Callable[[Studio], Array], form: str, *titles: str) -> Subject:
    return Subject(titles, form, work=work)


SUBJECTS: dict[str, Subject] = {
    "harbour": _scene(waters.harbour, "wide", "Harbour", "Boats leaving port", "The old quay", airy=True),
    "wave": _scene(waters.wave, "wide", "The great breaker", "Wave off the cape", "Fishermen under a wave"),
    "mountains": _scene(places.mountains, "wide", "Mountain lake", "The high valley", "Peaks", airy=True),
    "village": _scene(country.village, "any", "Village", "The church square", "Roofs", airy=True),
    "harvest": _scene(country.harvest, "wide", "Haystacks", "The harvest", "Stubble field", airy=True),
    "river": _scene(country.river, "wide", "The stone bridge", "River bank", "Bridge with walkers", airy=True),
    "avenue": _scene(country.avenue, "any", "Avenue", "Road with tall trees", "The way home", airy=True),
    "windmill": _scene(country.windmill, "any", "Windmills", "Mill by the canal", airy=True),
    "boulevard": _scene(places.boulevard, "any", "Boulevard", "Street with strollers", airy=True),
    "lilies": _scene(waters.lilies, "any", "Water lilies", "The pond", "Footbridge"),
    "garden": _scene(country.garden, "any", "Garden path", "Woman in the garden", "The flower walk"),
    "night": _scene(places.night, "wide", "Night with stars", "Cypress and stars"),
    "jungle": _scene(places.jungle, "any", "Tiger in the leaves", "The dream of the jungle", "Surprised"),
    "tempest": _scene(waters.tempest, "wide", "Shipwreck", "Ship in a gale", "The breakers", airy=True),
    "wanderer": _scene(places.wanderer, "tall", "Wanderer above the mist", "On the summit", airy=True),
    "ruins": _scene(places.ruins, "any", "Abbey ruin", "Ruin with bare oaks", airy=True),
    "island": _scene(waters.island, "wide", "The silent island", "Crossing", airy=True),
    "snow": _scene(country.snow, "wide", "Skaters", "Hunters coming home", "Frozen pond"),
    "rain": _scene(waters.rain, "tall", "Sudden rain on the bridge", "Bridge in the rain"),
    "blossom": _scene(waters.blossom, "any", "Bird on a cherry branch", "Plum blossom"),
    "roadside": _scene(places.roadside, "wide", "Filling station", "Diner", "Highway", airy=True),
    "portrait": _scene(sitters.portrait, "tall", "Portrait of a neighbour", "Sitter", "Portrait of the engineer"),
    "room": _scene(sitters.room, "tall", "Woman at a window", "The letter", "Interior with a jug"),
    "madonna": _scene(sacred.madonna, "tall", "Madonna enthroned", "Mother and child with angels", framed=True),
    "saints": _scene(sacred.saints, "wide", "Polyptych with saints", "Saints in arches", framed=True),
    "loggia": _scene(sacred.loggia, "wide", "Annunciation", "The angel in the loggia"),
    "pyramid": _scene(sitters.pyramid, "tall", "Lady before a valley", "The smile"),
    "supper": _scene(sacred.supper, "wide", "Supper", "The long table"),
    "holy_family": _scene(sacred.holy_family, "tall", "Madonna of the meadow", "Family with two children"),
    "gleaners": _scene(doings.gleaners, "wide", "Gleaners", "Potato pickers"),
    "toilers": _scene(doings.toilers, "wide", "Ploughing", "Oxen going to work"),
    "dancer": _scene(doings.dancer, "any", "Dancers on the stage", "Rehearsal"),
    "swing": _scene(doings.swing, "tall", "The swing", "Happy accidents"),
    "fete": _scene(doings.fete, "wide", "Company in a park", "Embarkation"),
    "cry": _scene(souls.cry, "tall", "The cry", "Figure on a bridge"),
    "dreamer": _scene(souls.dreamer, "any", "Closed eyes", "Dreamer over the water"),
    "vision": _scene(souls.vision, "tall", "Vision of the apostles", "Figures under a torn sky"),
    "long_lady": _scene(sitters.long_lady, "tall", "Lady with a column", "Madonna with a long neck"),
    "lute": _scene(sitters.lute, "tall", "The lute player", "Musician"),
    "muse": _scene(prints.muse, "tall", "Muse of the season", "Poster for a biscuit", "Reverie", framed=True),
    "peacock": _scene(prints.peacock, "tall", "Peacock", "Panel with a peacock", framed=True),
    "beauty": _scene(prints.beauty, "tall", "Beauty with hairpins", "Courtesan of the third house"),
    "sufferer": _scene(souls.sufferer, "any", "Street", "Self-portrait in a crooked town"),
    "cafe": _scene(doings.cafe, "any", "Card players", "At the cafe"),
    "sunroom": _scene(sitters.sunroom, "wide", "Room with morning sun", "Empty room"),
    "still_life": _scene(tables.still_life, "any", "Still life with jug", "Table with fruit", "Breakfast piece"),
    "bouquet": _scene(flowers.bouquet, "tall", "Vase of flowers", "Bouquet"),
    "sunflowers": _scene(flowers.sunflowers, "tall", "Sunflowers"),
    "vanitas": _scene(tables.vanitas, "any", "Vanitas", "Skull and candle"),
    "guitar": _scene(tables.guitar, "any", "Guitar and bottle", "Guitar, glass and newspaper"),
    "goldfish": _scene(flowers.goldfish, "any", "Goldfish", "The open window"),
    "bedroom": _scene(flowers.bedroom, "wide", "The bedroom"),
    "stacks": _work(fields.stacks, "tall", "Untitled with two reds", "Number 7", "Low horizon"),
    "zips": _work(fields.zips, "wide", "Onement", "The voice", "Here"),
    "veils": _work(fields.veils, "wide", "Veil", "Delta"),
    "stain": _work(fields.stain, "any", "Bay", "Soak"),
    "spray": _work(fields.spray, "tall", "Mist", "Instant loveland"),
    "pinstripes": _work(minimal.pinstripes, "any", "Reason and squalor", "Black series"),
    "ladder": _work(minimal.ladder, "tall", "Untitled stack", "Eight units"),
    "grid": _work(minimal.grid, "any", "Morning", "Faint grid"),
    "hard_edge": _work(minimal.hard_edge, "any", "One shape", "Curve", "Cut"),
    "wall_drawing": _work(minimal.wall_drawing, "any", "Lines in four directions", "Wall drawing 11"),
    "tubes": _work(minimal.tubes, "any", "Monument for a lamp", "Corner piece"),
    "skeins": _work(drips.skeins, "wide", "Number 31", "Lavender rhythm", "Convergence"),
    "cascade": _work(drips.cascade, "any", "Cascade", "Pour"),
    "burst": _work(drips.burst, "any", "Thrown", "Splash in three acts"),
    "bars": _work(gestures.bars, "any", "Girder", "Chief"),
    "brawl": _work(gestures.brawl, "any", "Woman, perhaps", "Excavation"),
    "elegy": _work(gestures.elegy, "wide", "Elegy", "Lament"),
    "thicket": _work(gestures.thicket, "any", "Ladybug", "Thicket"),
    "cans": _work(pop.cans, "any", "Soup", "Thirty tins"),
    "boom": _work(pop.boom, "any", "Pow", "Kaboom"),
    "target": _work(pop.target, "any", "Target", "Sign"),
    "four_faces": _work(pop.four_faces, "any", "The same face", "Star, repeated"),
    "heap": _work(heaps.heap, "any", "Accumulation", "Long-term parking"),
    "torn": _work(heaps.torn, "any", "Torn posters", "Hoarding"),
    "sponges": _work(heaps.sponges, "any", "Sponge relief", "Monochrome with sponges"),
    "crushed": _work(heaps.crushed, "any", "Compression", "Four doors"),
    "leftovers": _work(heaps.leftovers, "any", "The meal is over", "Snare picture"),
}
