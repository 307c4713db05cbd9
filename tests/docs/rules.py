"""What of the pages cannot run where tests run, and why; and how small a build is here.

By content, not by place: a command that needs a GPU needs it on every page.
"""

from __future__ import annotations

import re

HUB = "needs the Hub: tests/builder/publish/ and tests/hub/ run it against one on loopback"
LONG = "takes too long for every run of the tests: "

CANNOT: tuple[tuple[str, str], ...] = (
    (r"--preset (paper|fast|variations|openai|text2img)", "needs a GPU, the Hub or a key: tests/builder/models/"),
    (r"\bhf:|--push|\bpublish\b|^hf ", HUB),
    (r"(openai|google|facebook|laion)/|OWNER|csd:", HUB),
    (r"--recipe s2|--lora|--unfreeze", LONG + "tests/artsim_dataset/train/"),
    (r"\bmake |^git |^pip |^vllm |^docker |^sbatch |^ray |\.venv", "sets a machine up: CI does it with every run"),
    (r"^python -m (benchmarks|tests|pytest)|^pytest", LONG + "it is a benchmark, or the tests themselves"),
    (r"\bartsim demo\b", LONG + "tests/test_end_to_end.py"),
    (
        r"--engine ray|--shards|/shared/|s3://|gs://|az://|^(srun|squeue|ssh|scp|rsync|export (AWS|RAY|SLURM))",
        "needs a cluster or a store: tests/builder/, tests/storage/",
    ),
    (r"\bartsim app\b", "serves until it is stopped: tests/app/"),
    (r"\bartsim casestudy\b", "needs a case study's images: tests/artsim_dataset/cli/"),
    (r"\btrain detector\b|\bartsim detect\b|--detector|\btrain style\b", LONG + "tests/artsim_dataset/train/"),
    (r"\bmy-style\b|\bthird\b|\bs2\b", "works on what a command above would have made"),
    (r"prompt\.variants=2", LONG + "tests/builder/test_build.py"),
    (r"--set generate\.kind=26-styles|--out lite ", LONG + "tests/builder/models/test_fixed_styles.py"),
    (r"^curl |^aws |^open ", "a tool that is not everywhere"),
)
PYTHON_CANNOT: tuple[tuple[str, str], ...] = (
    (r"""["'](user|owner|OWNER)/""", HUB),
    (r"s3://|gs://", "needs a store: tests/storage/"),
    (r"load_detector|SentenceTransformer\(", LONG + "tests/artsim_dataset/detector/, tests/examples/"),
)

SMALL = {
    "artsim build": ("--set", "preprocess.size=96", "--set", "crop.size=64", "--workers", "1"),
    "artsim train siamese": ("--epochs", "3"),
}
"""Added to a command, so that the page can show what a reader would type."""


def reason(command: str, python: bool = False) -> str | None:
    """Why a command or a Python block is not run; None when it is."""
    for pattern, why in PYTHON_CANNOT if python else CANNOT:
        if re.search(pattern, command, re.MULTILINE):
            return why
    return None


def added(command: str) -> tuple[str, ...]:
    return next((more for start, more in SMALL.items() if command.startswith(start)), ())
