"""`artsim doctor`: against a Hub of our own, a cache in its layout, and machines of every kind."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from artsim_dataset.cli import app
from builder.config import load_config
from builder.doctor import EXTRAS, Machine, check_preset, nvidia_gpus
from builder.hub import Hub, is_cached
from builder.presets import PRESETS

ROOT = Path(__file__).parents[2]
BIG = Machine(device="cuda", gpus=[("a card", 25.8)], disk_free_gb=500.0, openai_key=False)
COMMIT = "5cae40e6a2745ae2b01ad92ae5043f95f23644d6"


# --- a Hub that answers as the real one does -----------------------------------------------------------------------


class FakeHub(BaseHTTPRequestHandler):
    """Answers HEAD for a file of a repository with the codes and headers of huggingface.co."""

    asked: list[tuple[str, str, str | None]] = []

    def do_HEAD(self) -> None:
        self.asked.append((self.command, self.path, self.headers["authorization"]))
        code, error = 200, ""
        if "/gated/" in self.path and self.headers["authorization"] != "Bearer hf_ours":
            code, error = 401, "GatedRepo"
        elif "/nobody/" in self.path:
            code, error = 404, "RepoNotFound"
        elif "/resolve/gone/" in self.path:
            code, error = 404, "RevisionNotFound"
        elif "/broken/" in self.path:
            code = 503
        self.send_response(code)
        if error:
            self.send_header("X-Error-Code", error)
        else:
            self.send_header("ETag", '"0"')
            self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    FakeHub.asked.clear()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def states(endpoint: str, home: Path, models: list[tuple[str, str]], **environment: str) -> list[str]:
    """What a fresh process finds, since the Hub client reads its environment once."""
    code = (
        "import json, sys; from builder.hub import Hub; from builder.needs import Asked; hub = Hub()\n"
        "models = [Asked('caption', *model, 'float16') for model in json.loads(sys.argv[1])]\n"
        "print(json.dumps([hub.state(model, set()) for model in models]))"
    )
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    environment = kept | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home)} | environment
    command = [sys.executable, "-c", code, json.dumps(models)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_hub_is_asked_once_for_each_model_and_nothing_is_downloaded(endpoint: str, tmp_path: Path) -> None:
    models = [("open/model", COMMIT), ("gated/model", "main"), ("nobody/model", "main"), ("open/model", "gone")]
    found = states(endpoint, tmp_path, [*models, models[0], (str(tmp_path), "main"), ("not a name", "main")])
    assert found == ["reachable", "gated", "absent", "absent", "reachable", "local", "absent"]
    assert [(verb, path) for verb, path, _ in FakeHub.asked] == [
        ("HEAD", f"/{model}/resolve/{revision}/config.json") for model, revision in models
    ]
    assert not list(tmp_path.rglob("*.json"))


def test_accepted_licence_opens_the_gate(endpoint: str, tmp_path: Path) -> None:
    assert states(endpoint, tmp_path, [("gated/model", "main")], HF_TOKEN="hf_ours") == ["reachable"]


def test_hub_that_fails_is_not_asked_again(endpoint: str, tmp_path: Path) -> None:
    assert states(endpoint, tmp_path, [("broken/model", "main"), ("open/model", "main")]) == ["unreachable"] * 2
    assert len(FakeHub.asked) == 1


def test_nobody_listening_is_unreachable_and_offline_asks_nothing(endpoint: str, tmp_path: Path) -> None:
    assert states("http://127.0.0.1:9", tmp_path, [("open/model", "main")]) == ["unreachable"]
    assert states(endpoint, tmp_path, [("open/model", "main")], HF_HUB_OFFLINE="1") == ["not asked"]
    assert FakeHub.asked == []


# --- the cache -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny pipeline with random weights, as diffusers itself saves one."""
    torch = pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    size = {"block_out_channels": (8, 8), "norm_num_groups": 4, "layers_per_block": 1}
    unet = diffusers.UNet2DConditionModel(
        **size,
        sample_size=8,
        cross_attention_dim=8,
        attention_head_dim=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    vae = diffusers.AutoencoderKL(
        **size, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2
    )
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, projection_dim=8,
            image_size=16, patch_size=8,
        )
    )  # fmt: skip
    pipe = diffusers.StableDiffusionImageVariationPipeline(
        vae=vae, image_encoder=encoder, unet=unet, scheduler=diffusers.DDIMScheduler(), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("pipeline")
    pipe.save_pretrained(folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def snapshot(cache: Path, model: str, made: Path | None = None) -> Path:
    """The folder of a model at COMMIT, which `main` is, in the layout of the Hub cache."""
    repository = cache / f"models--{model.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    folder = repository / "snapshots" / COMMIT
    if made is None:
        folder.mkdir(parents=True)
    else:
        shutil.copytree(made, folder)
    return folder


def test_pipeline_is_cached_when_every_part_that_is_loaded_has_its_weights(cache: Path, pipeline: Path) -> None:
    folder = snapshot(cache, "owner/pipeline", pipeline)
    assert is_cached("owner/pipeline", COMMIT, set()) and is_cached("owner/pipeline", "main", set())
    assert not is_cached("owner/pipeline", "0" * 40, set())
    shutil.rmtree(folder / "vae")
    assert not is_cached("owner/pipeline", COMMIT, set())
    assert is_cached("owner/pipeline", COMMIT, {"vae"})
    next((folder / "unet").glob("*.safetensors")).unlink()
    assert not is_cached("owner/pipeline", COMMIT, {"vae"})


def test_model_in_several_files_is_cached_when_all_of_them_are_there(cache: Path) -> None:
    folder = snapshot(cache, "owner/large")
    (folder / "config.json").write_text("{}")
    assert not is_cached("owner/large", "main", set())
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = {"weight_map": dict(zip(["a", "b"], names, strict=True))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / names[0]).write_bytes(b"weights")
    assert not is_cached("owner/large", "main", set())
    (folder / names[1]).write_bytes(b"weights")
    assert is_cached("owner/large", "main", set())


# --- machines ------------------------------------------------------------------------------------------------------


@pytest.fixture
def offline(cache: Path) -> Hub:
    return Hub(offline=True)


def test_large_machine_is_ready_and_the_next_command_builds(offline: Hub) -> None:
    report = check_preset("fast", load_config("fast"), BIG, offline)
    assert report.ready and report.warnings == []
    assert report.next == "artsim build --source PAINTINGS --out OUT --preset fast --limit 20"
    assert report.gpu_gb == pytest.approx(18.1) and report.download_gb == pytest.approx(38.6, abs=0.1)


def test_settings_are_told_in_the_next_command_quoted(offline: Hub, tmp_path: Path) -> None:
    model = tmp_path / "my model"
    model.mkdir()
    sets = [f"caption.model={model}"]
    report = check_preset("paper", load_config("paper", assignments=sets), BIG, offline, sets)
    assert report.next.endswith(f"--set 'caption.model={model}'")
    local = report.models[0]
    assert (local.model, local.revision, local.state, local.page) == ("my model", "", "local", "")


def test_small_disk_comes_with_a_way_out(offline: Hub) -> None:
    report = check_preset("fast", load_config("fast"), replace(BIG, disk_free_gb=30.0), offline)
    assert report.problems == ["38.6 GB to download, 30.0 GB free"]
    assert report.next == "export HF_HOME=/path/on/a/larger/disk"


def test_small_card_is_told_which_model_does_not_fit(offline: Hub) -> None:
    small = replace(BIG, gpus=[("a card", 12.9)])
    (told,) = check_preset("fast", load_config("fast"), small, offline).warnings
    assert "Meta-Llama-3-8B-Instruct needs about 18.1 GB" in told and "prompt.base_url" in told
    sets = ["prompt.base_url=http://localhost:8000/v1"]
    served = check_preset("fast", load_config("fast", assignments=sets), small, offline)
    assert served.warnings == [] and "openai" in served.packages and served.gpu_gb == pytest.approx(9.5)


def test_key_is_asked_for_where_an_api_is_paid(offline: Hub) -> None:
    without = check_preset("openai", load_config("openai"), BIG, offline)
    assert (without.problems, without.next) == (["OPENAI_API_KEY is not set"], "export OPENAI_API_KEY=...")
    assert check_preset("openai", load_config("openai"), replace(BIG, openai_key=True), offline).ready


def test_missing_packages_come_first_and_name_the_extra(offline: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRAS, "diffusion", ("torch", "no-such-package"))
    report = check_preset("paper", load_config("paper"), replace(BIG, disk_free_gb=0.0), offline)
    assert report.problems[0] == "not installed: no-such-package" and len(report.problems) == 2
    assert report.next == "pip install 'artsim[diffusion]'"


def test_xformers_is_a_note_and_no_hindrance(offline: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRAS, "xformers", ("no-such-package",))
    report = check_preset("paper", load_config("paper"), BIG, offline)
    assert report.ready and "SDPA" in report.warnings[0]


def test_driver_is_asked_for_its_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia_gpus() == []
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'NVIDIA GeForce RTX 3090, 24576'\necho 'NVIDIA GeForce GT 710, [N/A]'\n")
    driver.chmod(0o755)
    assert nvidia_gpus() == [("NVIDIA GeForce RTX 3090", 25.8)]
    report = check_preset("text2img", load_config("text2img"), replace(BIG, device="cpu", gpus=[]), Hub(offline=True))
    assert "torch sees no GPU, though there is NVIDIA GeForce RTX 3090" in report.warnings[0]


def test_extras_name_packages_that_the_extras_of_setup_cfg_install() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lists = dict(setup["options.extras_require"]) | {"base": setup["options"]["install_requires"]}
    for extra in EXTRAS.keys() & lists.keys():
        installed = {re.split(r"[\[<>=~!; ]", line)[0] for line in lists[extra].split("\n")}
        assert set(EXTRAS[extra]) <= installed, extra
    assert {"base", "train"} <= EXTRAS.keys() & lists.keys()


# --- the command ---------------------------------------------------------------------------------------------------


def test_command_fits_80_columns_and_ends_each_preset_with_a_command(cache: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--offline"], env={"OPENAI_API_KEY": "sk-very-secret"})
    assert result.exit_code == 0 and "sk-very-secret" not in result.stdout
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("next:") for line in lines) == len(PRESETS)
    assert all(any(line.startswith(preset) for line in lines) for preset in PRESETS)


def test_named_preset_that_is_not_ready_exits_with_1(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert CliRunner().invoke(app, ["doctor", "--preset", "openai"]).exit_code == 1
    told = CliRunner().invoke(app, ["doctor", "--preset", "lite", "--json"])
    assert told.exit_code == 0
    (lite,) = json.loads(told.stdout)["presets"]
    assert lite["ready"] and lite["models"] == [] and set(lite["packages"]) == {"base"}


def test_unknown_preset_is_one_sentence() -> None:
    result = CliRunner().invoke(app, ["doctor", "--preset", "huge"])
    assert result.exit_code == 2 and "unknown preset 'huge'; presets are: lite" in result.stderr


def test_looking_at_lite_imports_no_torch() -> None:
    code = "from builder.doctor import examine; import sys; examine(['lite']); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout == "False\n"
