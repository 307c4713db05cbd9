"""Who painted it: invented artists, two pictures each. None of these people exists; most are named after code."""

from __future__ import annotations

PER_ARTIST = 2
"""Pictures by one artist in a row, so that a split by artist has something to separate."""

_GIVEN = (
    "Ada",
    "Byte",
    "Cosima",
    "Dottie",
    "Edo",
    "Fenna",
    "Gus",
    "Hedda",
    "Ivo",
    "Jory",
    "Kiki",
    "Lorem",
    "Milo",
    "Nell",
    "Otto",
    "Pixie",
    "Quill",
)

_FAMILY: dict[str, tuple[str, ...]] = {
    "Abstract_Expressionism": ("Broadbrush", "Slabsworth", "Heftman", "Sweepe"),
    "Action_painting": ("Splattersby", "Dripp", "Spillane-Tin", "Flingworth"),
    "Analytical_Cubism": ("Facette", "Prismal", "Shardeau", "Polygonetti"),
    "Art_Nouveau_Modern": ("Bezierova", "Splinek", "Whiplasche", "Tendrilowa"),
    "Baroque": ("Candelucci", "Ombradoro", "van der Lampe", "Tenebroso"),
    "Color_Field_Painting": ("Gradienko", "Softedge", "Fieldmann", "Huebner-Flat"),
    "Contemporary_Realism": ("Rasterfield", "Plainview", "Noonan-Glare", "Asphaltson"),
    "Cubism": ("Vertexe", "Cornerolle", "Meshinger", "Planard"),
    "Early_Renaissance": ("da Gessolino", "di Punzone", "Haloni", "del Tempera"),
    "Expressionism": ("Grellmann", "Kantig", "Schreyer-Rot", "Zackenberg"),
    "Fauvism": ("Saturin", "Tubepress", "Vermillon", "Cadmionne"),
    "High_Renaissance": ("Sfumatelli", "da Pixello", "Piramidi", "Velatura"),
    "Impressionism": ("Lumiette", "Dabbin", "Flouvier", "Plainère"),
    "Mannerism_Late_Renaissance": ("Longhicollo", "Serpentini", "Il Tortino", "Allungatore"),
    "Minimalism": ("Nullworth", "Rectangel", "Voidson", "Unitt"),
    "Naive_Art_Primitivism": ("Blattwerk", "Sundayman", "Tigrelli", "Countleaf"),
    "New_Realism": ("Accumule", "Compressar", "Tasdechoses", "Arrachot"),
    "Northern_Renaissance": ("van Detaille", "van der Tegel", "Glaesmeister", "de Kleinste"),
    "Pointillism": ("Dotterand", "Pointel", "Ditherat", "Halftonne"),
    "Pop_Art": ("Bendaye", "Tincan", "Kapoweski", "Supermarkt"),
    "Post_Impressionism": ("Swirlinck", "Curlogh", "Impastaud", "van Noise"),
    "Realism": ("Earthenot", "Charrue", "Ploughman-Grey", "Umberin"),
    "Rococo": ("Froufroux", "de la Volute", "Sugarine", "Pastellard"),
    "Romanticism": ("Stormer", "Nebelhorn", "Gloamsworth", "Abgrundt"),
    "Symbolism": ("Rêverin", "Nocturnoff", "Lethemann", "Somnelli"),
    "Synthetic_Cubism": ("Papiercol", "Gluemann", "Cutoutte", "Scrapino"),
    "Ukiyo_e": ("Bokashige", "Rasterkawa", "Namimaru", "Hankozan"),
}


def artist_of(genre: str, index: int) -> str:
    """The artist of the genre's ``index``-th picture. Family names never cross genres, so neither do artists."""
    number = index // PER_ARTIST
    families = _FAMILY[genre]
    round_, number = divmod(number, len(_GIVEN) * len(families))
    # 17 and 4 share no factor: the pair of remainders is different for every number below 68
    start = sorted(_FAMILY).index(genre)
    name = f"{_GIVEN[(number + start) % len(_GIVEN)]} {families[number % len(families)]}"
    return name if not round_ else f"{name} {round_ + 1}"
