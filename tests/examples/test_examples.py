"""Every example as its user runs it: on a data set of a Hub, with tiny models of the real classes."""

from __future__ import annotations

import json
import math
import re
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from artsim_dataset.export import export, tars
from tests.artsim_dataset.encoders.tiny import tiny_clip
from tests.builder.models.tiny_parts import seeded
from tests.hub import Hub

EXAMPLES = Path(__file__).parents[2] / "examples"
REPO = "user/artsim"


@pytest.fixture(scope="module")
def hub(sharded: Path) -> Iterator[Hub]:
    """A Hub with the small data set, as `artsim publish` leaves it: without the build's work folder."""
    with Hub() as hub:
        hub.api().create_repo(REPO, repo_type="dataset")
        hub.api().upload_folder(folder_path=sharded, repo_id=REPO, repo_type="dataset", ignore_patterns=["work/*"])
        yield hub


IN_TURN = """
import contextlib, io, json, os, pathlib, runpy, sys
ran = {}
for name, arguments in json.loads(sys.argv[1]).items():
    sys.argv, told = [name, *arguments], io.StringIO()
    with contextlib.redirect_stdout(told):
        runpy.run_path(name, run_name="__main__")
    kept = len(list(pathlib.Path(os.environ["HF_HOME"]).rglob("*.arrow")))
    ran[pathlib.Path(name).stem] = {"told": told.getvalue(), "kept": kept}
print(json.dumps(ran))
"""


@dataclass(frozen=True)
class Ran:
    """What the examples with torch printed, the files of the datasets cache after each, and what they wrote."""

    told: dict[str, str]
    kept: dict[str, int]
    folder: Path


@pytest.fixture(scope="module")
def ran(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All examples with torch, one after another in one process: importing what they use is most of the work."""
    folder = tmp_path_factory.mktemp("examples")
    clip, pipeline = tiny_clip(folder / "clip"), tiny_pix2pix(folder / "pix2pix")
    common = ("--learning-rate", "1e-3", "--epochs", 2, "--batch", 8, "--model", clip)
    jobs = {
        "pytorch_dataloader": ("--streaming", "--workers", 2, "--batch", 5),
        "finetune_sentence_transformers": (*common, "--out", folder / "encoder"),
        "finetune_clip": (*common, "--out", folder / "trained-clip"),
        "finetune_lora": ("--model", pipeline, "--out", folder / "lora", "--batch", 2, "--steps", 3, "--size", 64,
                          "--rank", 2, "--learning-rate", 0.1),
    }  # fmt: skip
    given = {str(EXAMPLES / f"{name}.py"): [REPO, *map(str, arguments)] for name, arguments in jobs.items()}
    done = subprocess.run([sys.executable, "-c", IN_TURN, json.dumps(given)], env=hub.env, cwd=folder,
                          capture_output=True, text=True, timeout=600)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads(done.stdout.splitlines()[-1])
    return Ran({n: one["told"] for n, one in results.items()}, {n: one["kept"] for n, one in results.items()}, folder)


def tiny_pix2pix(folder: Path) -> Path:
    """InstructPix2Pix' shape: a UNet of eight channels."""
    from diffusers import DDIMScheduler, StableDiffusionInstructPix2PixPipeline
    from transformers import CLIPTextModel

    from tests.builder.models.tiny_diffusion import clip_tokenizer, text_config, unet, vae

    parts: dict[str, Any] = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipe = StableDiffusionInstructPix2PixPipeline(
        vae=seeded(vae), text_encoder=seeded(lambda: CLIPTextModel(text_config())), tokenizer=clip_tokenizer(),
        unet=seeded(lambda: unet(in_channels=8)), scheduler=DDIMScheduler(), **parts)  # fmt: skip
    pipe.save_pretrained(folder)
    return folder


def run(hub: Hub, cwd: Path, name: str, *arguments: object) -> str:
    """The example in a process of its own; what it prints."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(command, env=hub.env, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, *arguments: object) -> str:
    """The example in this process, for data on this machine."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out


def metadata(dataset: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((dataset / "metadata").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def numbers(pattern: str, text: str) -> list[float]:
    found = re.search(pattern, text)
    assert found, text
    return [float(group) for group in found.groups()]


def changed(before: Path, after: Path) -> list[str]:
    """The tensors that training moved."""
    old, new = load_file(before), load_file(after)
    assert old.keys() == new.keys() and all(np.isfinite(value).all() for value in new.values())
    return [name for name in old if not np.array_equal(old[name], new[name])]


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["hub", "folder"])
def test_tables_counts_what_the_build_counted(
    where: str, hub: Hub, sharded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    before = len(hub.requests)
    told = run(hub, tmp_path, "tables", REPO) if where == "hub" else run_here(monkeypatch, capsys, "tables", sharded)
    rows = metadata(sharded)
    build = json.loads((sharded / "build.json").read_text())
    counted = {words[0]: [int(n) for n in words[1:]] for line in told.splitlines() if (words := line.split())
               and words[0] in build["genres"]}  # fmt: skip
    levels = ("moderate", "radical")
    by_both = Counter((row["genre"], row["level"]) for row in rows)
    assert counted == {genre: [by_both[genre, level] for level in levels] for genre in build["genres"]}
    assert sum(map(sum, counted.values())) == sum(build["rows"]["metadata"].values()) == 40
    for level in levels:
        tokens = [row["prompt_tokens"] for row in rows if row["level"] == level]
        assert numbers(rf"\n{level} ([\d.]+)\n", told) == [pytest.approx(np.mean(tokens), abs=0.06)]
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(row["artist"], set()).add(row["group"])
    variants = Counter(row["artist"] for row in rows)
    most = sorted(groups, key=lambda artist: (-len(groups[artist]), artist))[:5]
    assert told.splitlines()[-5:] == [f"{a}: {len(groups[a])} paintings, {variants[a]} variants" for a in most]
    if where == "hub":
        asked = {request.path for request in hub.requests[before:] if request.path.endswith(".parquet")}
        assert asked and all("/metadata/" in path for path in asked), "no image was fetched"


# --- loaders ---------------------------------------------------------------------------------------------------------

EPOCH = r"epoch (\d): (\d+) triplets, [\d.]+ images/s, last batch \((\d+), 3, 224, 224\), first anchor (\S+)"


def test_dataloader_streams_from_the_hub_in_workers(ran: Ran, sharded: Path) -> None:
    triplets = json.loads((sharded / "build.json").read_text())["rows"]["triplets"]["train"]
    epochs = re.findall(EPOCH, ran.told["pytorch_dataloader"])
    assert [int(rows) for _, rows, _, _ in epochs] == [triplets, triplets]
    assert ran.kept["pytorch_dataloader"] == 0, "streaming keeps nothing"


def test_dataloader_gives_another_order_in_each_epoch(
    sharded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    triplets = json.loads((sharded / "build.json").read_text())["rows"]["triplets"]["train"]
    told = run_here(monkeypatch, capsys, "pytorch_dataloader", sharded, "--batch", 5, "--epochs", 3)
    epochs = re.findall(EPOCH, told)
    assert [int(rows) for _, rows, _, _ in epochs] == [triplets] * 3
    assert [int(last) for _, _, last, _ in epochs] == [(triplets - 1) % 5 + 1] * 3
    assert len({first for *_, first in epochs}) > 1


def test_webdataset_export_is_read_whole(
    sharded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tars, "MAX_TAR_BYTES", 200_000)
    export(sharded, "webdataset", tmp_path, config="triplets")
    assert len(list(tmp_path.glob("train-*.tar"))) > 1
    told = run_here(monkeypatch, capsys, "read_webdataset", tmp_path, "--batch", 10, "--workers", 0)
    triplets = json.loads((sharded / "build.json").read_text())["rows"]["triplets"]["train"]
    assert numbers(r"(\d+) different triplets", told) == [triplets]
    assert "10 triplets of shape (10, 3, 224, 224)" in told


# --- training --------------------------------------------------------------------------------------------------------


def test_sentence_transformers_trains_on_triplets_and_measures_them(ran: Ran) -> None:
    told = ran.told["finetune_sentence_transformers"]
    loss, before, after = numbers(r"loss ([\d.]+); triplet accuracy on \d+ test rows: ([\d.]+) -> ([\d.]+)", told)
    assert math.isfinite(loss) and loss > 0 and 0 <= before <= 1 and 0 <= after <= 1
    moved = changed(ran.folder / "clip" / "model.safetensors", ran.folder / "encoder" / "model.safetensors")
    assert any("vision_model" in name for name in moved) and not any("text_model" in name for name in moved)


def test_clip_learns_which_caption_is_of_which_picture(ran: Ran) -> None:
    pattern = r"loss ([\d.]+); loss on the test split: ([\d.]+) -> ([\d.]+)"
    loss, before, after = numbers(pattern, ran.told["finetune_clip"])
    assert math.isfinite(loss) and loss > 0 and before != after
    moved = changed(ran.folder / "clip" / "model.safetensors", ran.folder / "trained-clip" / "model.safetensors")
    assert any("vision_model" in name for name in moved) and any("text_model" in name for name in moved)


def test_lora_is_trained_on_pairs_and_changes_what_the_pipeline_paints(ran: Ran) -> None:
    import torch
    from diffusers import StableDiffusionInstructPix2PixPipeline
    from PIL import Image

    losses = [float(loss) for loss in re.findall(r"step \d+: loss ([\d.]+)", ran.told["finetune_lora"])]
    assert len(losses) == 2 and all(map(math.isfinite, losses))
    weights = load_file(ran.folder / "lora" / "pytorch_lora_weights.safetensors")
    raised = [value for name, value in weights.items() if "lora_B" in name or "lora.up" in name]
    assert raised and all(np.abs(value).max() > 0 for value in raised), "they start at zero"
    pipe = StableDiffusionInstructPix2PixPipeline.from_pretrained(ran.folder / "pix2pix")
    pipe.set_progress_bar_config(disable=True)

    def paint() -> np.ndarray:
        options: dict[str, Any] = {"num_inference_steps": 2, "generator": torch.Generator().manual_seed(0)}
        return np.asarray(pipe("a quiet harbour", image=Image.new("RGB", (64, 64), "teal"), **options).images[0])

    before = paint()
    assert np.array_equal(paint(), before)
    pipe.load_lora_weights(ran.folder / "lora")
    assert not np.array_equal(paint(), before)
