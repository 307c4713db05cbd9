"""One variant alone against the variants of a build."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.images import content
from artsim_dataset.schema import BOX_COLUMNS, painting_id_of, seed_from
from builder.build import BuildResult
from builder.gallery import paint
from builder.single import STAGES, GalleryLenders, SingleVariants
from tests.builder.odd_images import BAD, GOOD, save

PICTURE = save(paint("Cubism", 0, size=128), "PNG")


@dataclass
class OneLender:
    """A pool of one painting."""

    id: str
    picture: Image.Image

    @property
    def ids(self) -> list[str]:
        return [self.id]

    def content(self, painting_id: str) -> Image.Image:
        assert painting_id == self.id
        return self.picture


@pytest.fixture(scope="module")
def maker() -> SingleVariants:
    return SingleVariants(GalleryLenders(per_genre=1))


def test_a_variant_made_alone_has_the_bytes_of_the_builds(built: BuildResult, gallery: Path) -> None:
    """The same painting, level and lender: what a build stored is what comes out, byte for byte."""
    rows = pq.read_table(next((built.out / "pairs").glob("train-*.parquet"))).to_pylist()
    by_painting = {painting_id_of(row["id"]): row for row in rows}
    tried = set()
    for row in rows:
        provenance = json.loads(row["provenance"])
        lender = by_painting.get(provenance["style_of"])
        if row["level"] in tried or lender is None:
            continue
        tried.add(row["level"])
        pixels = content(lender["original"]["bytes"], *(lender[side] for side in BOX_COLUMNS))
        alone = SingleVariants(OneLender(provenance["style_of"], Image.fromarray(pixels)))
        file = (gallery / f"{painting_id_of(row['id'])}.jpg").read_bytes()
        made = alone.make(file, row["level"], seed=5)
        assert made.files == {"original": row["original"]["bytes"], "variant": row["generated"]["bytes"]}
        same = ("phash", "level", "generator", *BOX_COLUMNS)
        assert {name: made.facts[name] for name in same} == {name: row[name] for name in same}
        changed = made.facts["provenance"] | {"seed": row["seed"]}
        assert changed == provenance
    assert tried == {"moderate", "radical"}


def test_seed_prompt_and_lender_follow_from_the_file_the_level_and_the_seed(maker: SingleVariants) -> None:
    told: list[tuple[str, int, int]] = []
    first = maker.make(PICTURE, "radical", 1, progress=lambda *step: told.append(step))
    again = maker.make(PICTURE, "radical", 1)
    assert first.files == again.files and first.facts == again.facts
    assert first.facts["seed"] == seed_from(painting_id_of(first.facts["id"]), "radical", 0, 1)
    assert first.facts["prompt_complete"] == maker.prompt(PICTURE, "radical", 1)
    assert [step[1:] for step in told] == [(number, STAGES) for number in range(STAGES)]
    others = [maker.make(PICTURE, "radical", seed) for seed in (2, 3)]
    assert len({made.style_of for made in (first, *others)}) > 1
    assert len({made.facts["prompt_complete"] for made in (first, *others)}) == 3


def test_another_prompt_is_recorded_shortened_and_not_read(maker: SingleVariants) -> None:
    plain = maker.make(PICTURE, "moderate", 1)
    long = "Let it rain, " * 60
    other = maker.make(PICTURE, "moderate", 1, f" {long} ")
    assert other.facts["prompt_complete"] == long.strip() and other.facts["prompt_tokens"] <= 75
    assert other.files == plain.files and not other.facts["provenance"]["prompt_read"]


@pytest.mark.parametrize("name", ["png with an orientation", "jpeg cmyk", "png with alpha", "gif animated"])
def test_odd_files_make_variants_of_what_a_person_sees(maker: SingleVariants, name: str) -> None:
    data, seen, _ = GOOD[name]
    made = maker.make(data, "radical", 1)
    assert made.variant.size == made.original.size
    assert (made.original.width > made.original.height) == (seen.width > seen.height)


@pytest.mark.parametrize("name", sorted(BAD))
def test_broken_files_are_answered_with_a_sentence(maker: SingleVariants, name: str) -> None:
    with pytest.raises(ArtsimError) as refused:
        maker.prompt(BAD[name][0], "moderate", 1)
    text = str(refused.value)
    assert text[0].isupper() and ".image" not in text and "/" not in text.replace("and/or", "")


def test_misuse_is_a_sentence(maker: SingleVariants) -> None:
    with pytest.raises(ConfigError, match="no level 'wild'; levels are: moderate, radical"):
        maker.make(PICTURE, "wild", 1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="seed"):
        maker.make(PICTURE, "radical", -1)
    with pytest.raises(ConfigError, match="no painting that could lend"):
        SingleVariants(GalleryLenders(per_genre=0))
