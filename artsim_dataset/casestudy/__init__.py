"""The case study of S3 as one command: settings in, tables and plots out.

tables.py   the numbers, as pure functions of embeddings and labels
rows.py     the generated images
page.py     index.html, study.json and a CSV for each table
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from artsim_dataset.errors import ConfigError, fault_of

if TYPE_CHECKING:
    from artsim_dataset.attribute import ArtistIndex
    from artsim_dataset.casestudy.tables import CaseStudy
    from artsim_dataset.encoders.embed import Progress


class StudyConfig(BaseModel):
    """What `artsim casestudy --config FILE` reads from YAML.

    Example::

        images: my-study           # made by: artsim build --preset text2img --source artists.txt --out my-study
        index: my-dataset          # real works: a data set of paintings, at least three of each artist
        encoder: lite              # or  model: my-model
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: str = Field(description="data set with the config 'images': folder or Hub id")
    index: str = Field(description="data set with real works by the same artists: folder or Hub id")
    model: str | None = Field(None, description="trained model; the bare encoder without")
    encoder: str = Field("lite", description="what turns an image into an embedding, when there is no model")
    seed: int = Field(42, description="of the intervals")


def read_config(path: Path) -> StudyConfig:
    """The settings in a YAML file. Raises ConfigError naming what is missing, unknown or of the wrong kind."""
    try:
        given: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} is not valid YAML: {fault_of(error)}") from error
    if not isinstance(given, dict):
        raise ConfigError(f"{path} holds no settings; it needs at least 'images: DIR' and 'index: DIR'")
    try:
        config = StudyConfig(**given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        known = ", ".join(StudyConfig.model_fields)
        raise ConfigError(f"{path}: '{where}': {first['msg'].lower()}; settings are: {known}") from error
    if config.model and "encoder" in config.model_fields_set:
        raise ConfigError(f"{path}: a model brings its own encoder: give 'model' or 'encoder', not both")
    return config


def run(config: StudyConfig, progress: Progress | None = None) -> tuple[CaseStudy, ArtistIndex, str]:
    """Embeds index and images through the cache and measures the study. The third is the encoder's name.

    Raises:
        ConfigError: a data set of the wrong kind, or no artist of the study has works in the index.
        DatasetNotFound: there is no such data set.
    """
    from artsim_dataset.attribute import all_rows, artist_index
    from artsim_dataset.casestudy.rows import StudyRows
    from artsim_dataset.casestudy.tables import case_study, kind_of
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.encoders.cache import EmbeddingCache
    from artsim_dataset.encoders.embed import Wanted, embed
    from artsim_dataset.load import load_artsim
    from artsim_dataset.model import load_model, unit
    from artsim_dataset.views import FULL

    images: Any = load_artsim(config.images, "images", split="train")
    rows = StudyRows(images)
    kinds = [kind_of(template) for template in rows.templates]
    model = load_model(config.model) if config.model else None
    encoder = model.encoder if model else get_encoder(config.encoder)
    index = artist_index(all_rows(config.index), model or encoder, progress=progress)
    store = EmbeddingCache(encoder)
    wanted = [Wanted(row, "image", FULL) for row in range(len(rows))]
    embeddings = store.take(embed(rows, wanted, encoder, store, progress))
    vectors = model.project(embeddings) if model else unit(embeddings)
    study = case_study(index, vectors, rows.artists.tolist(), kinds, rows.subjects.tolist(), config.seed)
    return study, index, encoder.name
