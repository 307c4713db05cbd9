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


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("tiny") / "clip")


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


def test_dataloader_streams_from_the_hub_in_workers(hub: Hub, sharded: Path, tmp_path: Path) -> None:
    triplets = json.loads((sharded / "build.json").read_text())["rows"]["triplets"]["train"]
    told = run(hub, tmp_path, "pytorch_dataloader", REPO, "--streaming", "--workers", 2, "--batch", 5)
    epochs = re.findall(EPOCH, told)
    assert [int(rows) for _, rows, _, _ in epochs] == [triplets, triplets]
    assert not list(Path(hub.env["HF_HOME"]).rglob("*.arrow")), "streaming keeps nothing"


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
    assert f"10 triplets of shape (10, 3, {224}, {224})" in told


# --- training --------------------------------------------------------------------------------------------------------


def test_sentence_transformers_trains_on_triplets_and_measures_them(hub: Hub, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = run(hub, tmp_path, "finetune_sentence_transformers", REPO, "--model", clip, "--out", out, "--batch", 4,
               "--learning-rate", "1e-3")  # fmt: skip
    loss, before, after = numbers(r"loss ([\d.]+); triplet accuracy on \d+ test rows: ([\d.]+) -> ([\d.]+)", told)
    assert math.isfinite(loss) and loss > 0 and 0 <= before <= 1 and 0 <= after <= 1
    moved = changed(clip / "model.safetensors", out / "model.safetensors")
    assert any("vision_model" in name for name in moved) and not any("text_model" in name for name in moved)


def test_clip_learns_which_caption_is_of_which_picture(hub: Hub, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = run(hub, tmp_path, "finetune_clip", REPO, "--model", clip, "--out", out, "--batch", 8, "--epochs", 2,
               "--learning-rate", "1e-3")  # fmt: skip
    loss, before, after = numbers(r"loss ([\d.]+); loss on the test split: ([\d.]+) -> ([\d.]+)", told)
    assert math.isfinite(loss) and loss > 0 and before != after
    moved = changed(clip / "model.safetensors", out / "model.safetensors")
    assert any("vision_model" in name for name in moved) and any("text_model" in name for name in moved)


def test_lora_is_trained_on_pairs_and_changes_what_the_pipeline_paints(hub: Hub, tmp_path: Path) -> None:
    import torch
    from diffusers import DDIMScheduler, StableDiffusionInstructPix2PixPipeline
    from PIL import Image
    from transformers import CLIPTextModel

    from tests.builder.models.tiny_diffusion import clip_tokenizer, text_config, unet, vae

    parts: dict[str, Any] = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipe = seeded_pipeline = StableDiffusionInstructPix2PixPipeline(
        vae=seeded(vae), text_encoder=seeded(lambda: CLIPTextModel(text_config())), tokenizer=clip_tokenizer(),
        unet=seeded(lambda: unet(in_channels=8)), scheduler=DDIMScheduler(), **parts)  # fmt: skip
    seeded_pipeline.save_pretrained(tmp_path / "model")
    told = run(hub, tmp_path, "finetune_lora", REPO, "--model", tmp_path / "model", "--out", tmp_path / "lora",
               "--batch", 2, "--steps", 3, "--size", 64, "--rank", 2, "--learning-rate", "0.1")  # fmt: skip
    losses = [float(loss) for loss in re.findall(r"step \d+: loss ([\d.]+)", told)]
    assert len(losses) == 2 and all(map(math.isfinite, losses))
    weights = load_file(tmp_path / "lora" / "pytorch_lora_weights.safetensors")
    raised = [value for name, value in weights.items() if "lora_B" in name or "lora.up" in name]
    assert raised and all(np.abs(value).max() > 0 for value in raised), "they start at zero"

    def paint() -> np.ndarray:
        options: dict[str, Any] = {"num_inference_steps": 2, "generator": torch.Generator().manual_seed(0)}
        pipe.set_progress_bar_config(disable=True)
        return np.asarray(pipe("a quiet harbour", image=Image.new("RGB", (64, 64), "teal"), **options).images[0])

    before = paint()
    pipe.load_lora_weights(tmp_path / "lora")
    assert not np.array_equal(paint(), before)
