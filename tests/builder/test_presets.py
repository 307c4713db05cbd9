"""Every preset from end to end through the command line, on a painted gallery, with tiny models of the real classes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from artsim_dataset.load import load_artsim
from artsim_dataset.schema import GENRES, MAX_PROMPT_TOKENS
from builder.models import clip_tokens
from tests.builder.models import tiny, tiny_diffusion
from tests.builder.models.api_server import ApiServer

KEY = "sk-not-a-real-key-0123456789"


@dataclass(frozen=True)
class Checkpoints:
    """Settings that put tiny checkpoints in the place of a preset's models."""

    folder: Path

    def at(self, **names: str) -> list[str]:
        return [f"{setting.replace('_', '.', 1)}={self.folder / name}" for setting, name in names.items()]

    @property
    def paper(self) -> list[str]:
        models = self.at(
            caption_model="blip2", prompt_model="llama", compress_model="bart", generate_model="refiner",
            generate_vae="taesd",
        )  # fmt: skip
        return [*models, "preprocess.size=96", "crop.size=64"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Checkpoints:
    folder = tmp_path_factory.mktemp("checkpoints")
    tiny.tiny_blip2(folder / "blip2")
    tiny.tiny_llama(folder / "llama")
    tiny.tiny_bart(folder / "bart")
    tiny_diffusion.refiner(folder / "refiner")
    tiny_diffusion.taesd(folder / "taesd")
    tiny_diffusion.image_variations(folder / "variations")
    tiny_diffusion.stable_diffusion(folder / "sd")
    return Checkpoints(folder)


def command(*arguments: object, **settings: Any) -> list[str]:
    words = [str(word) for word in arguments]
    for setting in settings.get("settings", ()):
        words += ["--set", setting]
    return [sys.executable, "-m", "artsim_dataset.cli", *words]


def artsim(*arguments: object, settings: list[str] | None = None, code: int = 0, **environment: str) -> str:
    """Runs the command and returns its output; stderr too when it fails."""
    done = subprocess.run(
        command(*arguments, settings=settings or []),
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def rows(out: Path, config: str = "pairs") -> list[dict[str, Any]]:
    """All rows of a config, by id."""
    found = [row for path in sorted((out / config).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return sorted(found, key=lambda row: str(row["id"]))


def published_text(out: Path) -> str:
    return "".join(path.read_text() for path in out.iterdir() if path.is_file())


@pytest.fixture(scope="module")
def paper(checkpoints: Checkpoints, gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("paper") / "dataset"
    artsim("build", "-s", gallery, "-o", out, "--preset", "paper", "--limit", 10, settings=checkpoints.paper)
    return out


# --- paper ---------------------------------------------------------------------------------------------------------


def test_paper_captions_writes_compresses_and_paints(paper: Path) -> None:
    made = rows(paper)
    assert len(made) == 10
    for row in made:
        assert row["caption"] in tiny.CAPTIONS and row["generated_caption"] in tiny.CAPTIONS
        assert row["prompt_complete"] in tiny.PROMPTS
        assert row["prompt_tokens"] == clip_tokens.count(row["prompt_compressed"]) <= MAX_PROMPT_TOKENS
        if clip_tokens.count(row["prompt_complete"]) <= MAX_PROMPT_TOKENS:
            assert row["prompt_compressed"] == row["prompt_complete"]
        else:
            assert row["prompt_compressed"] != row["prompt_complete"]
    assert len({row["generated"]["bytes"] for row in made}) == 10
    assert len({row["prompt_compressed"] for row in made}) > 1


def test_paper_says_in_each_row_how_the_variant_was_made(paper: Path) -> None:
    for row in rows(paper):
        facts = json.loads(row["provenance"])
        assert row["generator"] == facts["generator"] == "refiner"
        assert (facts["steps"], facts["effective_steps"], facts["strength"], facts["guidance"]) == (25, 10, 0.4, 7.5)
        assert (facts["batch"], facts["aesthetic_score"], facts["negative_aesthetic_score"]) == (6, 6.0, 2.5)
        assert (facts["vae"]["model"], facts["watermarked"], facts["seed"]) == ("taesd", False, row["seed"])


def test_paper_publishes_no_path_of_this_machine(paper: Path, checkpoints: Checkpoints) -> None:
    text = published_text(paper) + json.dumps([row["provenance"] for row in rows(paper, "metadata")])
    assert str(checkpoints.folder) not in text and "/tmp" not in text
    build = json.loads((paper / "build.json").read_text())
    made_by = {maker["stage"]: maker["model"] for maker in build["makers"]}
    assert made_by == {
        "caption": "blip2", "prompt": "llama", "compress": "bart", "generate": "refiner", "recaption": "blip2",
    }  # fmt: skip
    assert build["settings"]["generate"]["model"] == "refiner"


def test_paper_passes_every_check(paper: Path) -> None:
    assert artsim("validate", paper).startswith("All ")


def test_paper_loads_as_triplets(paper: Path) -> None:
    triplets = load_artsim(paper, "triplets", split="train")
    assert set(triplets["anchor_caption"]) <= set(tiny.CAPTIONS)  # type: ignore[index, call-overload]


def test_second_run_has_nothing_to_do_and_another_batch_is_no_reason_to(
    paper: Path, checkpoints: Checkpoints, gallery: Path
) -> None:
    again = [*checkpoints.paper, "generate.batch=2", "caption.batch=3", "generate.compile=none"]
    said = artsim("build", "-s", gallery, "-o", paper, "--preset", "paper", "--limit", 10, settings=again)
    assert said.startswith("Nothing to do")


def test_other_batches_shards_and_a_kill_give_the_same_data(
    paper: Path, checkpoints: Checkpoints, gallery: Path, tmp_path: Path
) -> None:
    """Every batch size is another, the shards are smaller, and the process dies while it paints."""
    settings = [
        *checkpoints.paper, "source.shard_rows=1", "generate.batch=1", "caption.batch=3", "prompt.batch=5",
        "compress.batch=2",
    ]  # fmt: skip
    arguments = ("build", "-s", gallery, "-o", tmp_path / "d", "--preset", "paper", "--limit", 10)
    build = subprocess.Popen(
        command(*arguments, settings=settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    until = time.monotonic() + 300
    while len(list((tmp_path / "d" / "work").glob("*-generate-*/*.json"))) < 2 and build.poll() is None:
        assert time.monotonic() < until, "the build never came to paint"
        time.sleep(0.05)
    build.send_signal(signal.SIGKILL)
    assert build.wait() == -signal.SIGKILL, "it was killed in the middle"
    artsim(*arguments, settings=settings)

    def told(out: Path) -> list[dict[str, Any]]:
        made = rows(out)
        for row in made:
            row["provenance"] = {k: v for k, v in json.loads(row["provenance"]).items() if k != "batch"}
        return made

    assert told(tmp_path / "d") == told(paper)


# --- fast, prompting on a server -----------------------------------------------------------------------------------


def test_fast_prompts_on_a_server_and_keeps_its_address_to_itself(
    checkpoints: Checkpoints, gallery: Path, tmp_path: Path
) -> None:
    with ApiServer() as server:
        settings = [s for s in checkpoints.paper if not s.startswith("prompt.model")]
        settings += [f"prompt.base_url={server.url}", "prompt.model=served-llama", "prompt.variants=2"]
        artsim("build", "-s", gallery, "-o", tmp_path / "d", "--preset", "fast", "--limit", 4, settings=settings)
        assert len(server.requests) == 8
    made = rows(tmp_path / "d")
    assert len(made) == 8 and Counter(row["level"] for row in made)["radical"] >= 4
    facts = json.loads(made[0]["provenance"])
    assert (facts["channels_last"], facts["attention"], facts["steps"]) == (True, "sdpa", 25)
    assert server.url not in published_text(tmp_path / "d")


# --- variations ----------------------------------------------------------------------------------------------------


def test_variations_need_no_words_and_export_as_s4_did(checkpoints: Checkpoints, gallery: Path, tmp_path: Path) -> None:
    settings = [*checkpoints.at(generate_model="variations"), "generate.steps=4", "preprocess.size=96"]
    arguments = ("build", "-s", gallery, "-o", tmp_path / "d", "--preset", "variations", "--limit", 7)
    artsim(*arguments, settings=settings)
    made = rows(tmp_path / "d")
    assert len(made) == 7
    for row in made:
        assert (row["level"], row["caption"], row["prompt_complete"], row["prompt_compressed"]) == ("", "", "", "")
        box = [row[f"content_{side}"] for side in ("left", "top", "right", "bottom")]
        assert box == [0, 0, 96, 96], "the square in the middle, no bars"
        facts = json.loads(row["provenance"])
        assert (facts["guidance"], facts["prompt_read"]) == (3.0, False)
    assert artsim("validate", tmp_path / "d").startswith("All ")
    artsim("export", tmp_path / "d", "--format", "imagefolder", "--out", tmp_path / "processed", "--size", 64)
    names = {folder: {p.name for p in (tmp_path / "processed" / folder).iterdir()} for folder in ("ai", "original")}
    assert names["ai"] == names["original"] == {f"{row['id'][:-2].replace('/', '_')}.jpg" for row in made}
    assert {name.split("_")[0] for name in names["ai"]} <= {genre.split("_")[0] for genre in GENRES}

    other = tmp_path / "again"
    artsim("build", "-s", gallery, "-o", other, "--preset", "variations", "--limit", 7, settings=settings)
    assert (other / "checksums.sha256").read_bytes() == (tmp_path / "d" / "checksums.sha256").read_bytes()


# --- openai --------------------------------------------------------------------------------------------------------


def test_openai_stops_before_the_budget_and_goes_on_where_it_was(gallery: Path, tmp_path: Path) -> None:
    out = tmp_path / "d"
    with ApiServer() as server:
        settings = [f"generate.base_url={server.url}", "preprocess.size=96", "generate.concurrency=1"]
        arguments = ("build", "-s", gallery, "-o", out, "--preset", "openai", "--limit", 4)
        said = artsim(*arguments, "--max-cost", 0.1, settings=settings, code=1, OPENAI_API_KEY=KEY)
        paid = len(server.requests)
        assert "--max-cost" in said and 0 < paid < 4
        status = json.loads(artsim("status", out, "--json"))
        assert 0 < status["cost"] <= 0.1
        artsim(*arguments, "--max-cost", 5, settings=settings, OPENAI_API_KEY=KEY)
        assert len(server.requests) == 4, "what was paid for is not bought again"
    assert {request.fields["model"] for request in server.requests} == {"gpt-image-1"}
    assert artsim("validate", out).startswith("All ")
    made = rows(out)
    assert len(made) == 4
    for row in made:
        facts = json.loads(row["provenance"])
        assert (facts["model"], facts["prompt_read"]) == ("gpt-image-1", True) and facts["cost_usd"] > 0
    written = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert KEY.encode() not in written


# --- text2img ------------------------------------------------------------------------------------------------------


def test_text2img_makes_a_study_of_artists(checkpoints: Checkpoints, tmp_path: Path) -> None:
    table = tmp_path / "artists.csv"
    table.write_text("artist\nClaude Monet\nvincent-van-gogh\nClaude Monet\n")
    settings = [*checkpoints.at(generate_model="sd"), "generate.steps=2", "prompt.images=2", "prompt.subjects=[dog]"]
    artsim("build", "-s", table, "-o", tmp_path / "d", "--preset", "text2img", settings=settings)
    images = load_artsim(tmp_path / "d", "images", split="train")
    made = images.remove_columns("image").to_list()  # type: ignore[union-attr]
    assert Counter(row["artist"] for row in made) == {"Claude Monet": 12, "Vincent Van Gogh": 12}
    assert Counter(row["template"][:6] for row in made) == {"simple": 4, "constr": 20}
    assert {row["subject"] for row in made} == {"", "dog"}
    assert all(row["artist"] in row["prompt_compressed"] and row["generator"] == "sd" for row in made)
    assert len({row["seed"] for row in made}) == 24
    assert images[0]["image"].size == (128, 128)  # type: ignore[index, call-overload]
    assert artsim("validate", tmp_path / "d").startswith("All ")
