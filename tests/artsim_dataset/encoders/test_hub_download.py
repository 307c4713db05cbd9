"""Encoders that are not on this disk: the real clients against a Hub on loopback, in processes of their own, since the
clients read their endpoint when they are imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from artsim_dataset.encoders import get_encoder
from tests.artsim_dataset.encoders import tiny
from tests.hub import Hub

PROGRAM = """
import json, sys
from PIL import Image
from artsim_dataset.encoders import get_encoder, pinned
from artsim_dataset.errors import ConfigError
for name in sys.argv[1:]:
    try:
        encoder = get_encoder(name)
        vector = encoder.encode([Image.new("RGB", (40, 30), (200, 90, 20))])[0]
        print(json.dumps([encoder.name, encoder.revision, [float(x) for x in vector]]))
    except ConfigError as error:
        print(json.dumps(str(error)))
"""


def ask(hub: Hub, *names: str, **more: str) -> list[object]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True, env=hub.env | more)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def filled(hub: Hub, tmp_path: Path) -> tuple[Hub, list[str]]:
    """user/model with two commits, of DINOv2 and then of CLIP, and user/csd."""
    api = hub.api()
    for name in ("user/model", "user/csd"):
        api.create_repo(name)
    folders = (tiny.tiny_dinov2(tmp_path / "dinov2"), tiny.tiny_clip(tmp_path / "clip"))
    commits = [api.upload_folder(folder_path=folder, repo_id="user/model").oid for folder in folders]
    torch.save({"model_state_dict": tiny.Csd().state_dict()}, tmp_path / "csd.pth")
    api.upload_file(path_or_fileobj=tmp_path / "csd.pth", path_in_repo="csd.pth", repo_id="user/csd")
    return hub, commits


def test_a_branch_becomes_the_commit_of_today_and_a_commit_needs_no_network_tomorrow(
    filled: tuple[Hub, list[str]], tmp_path: Path
) -> None:
    hub, (first, second) = filled
    answers = ask(hub, "user/model", f"user/model@{first}", "csd:user/csd")
    expected = get_encoder(str(tmp_path / "clip")).encode([Image.new("RGB", (40, 30), (200, 90, 20))])[0]
    name, revision, vector = answers[0]  # type: ignore[misc]
    assert (name, revision) == ("user/model", second)
    np.testing.assert_allclose(vector, expected, atol=1e-5)
    assert answers[1][1] == first and len(answers[1][2]) == tiny.WIDTH  # type: ignore[index]
    assert answers[2][0] == "csd:user/csd" and len(answers[2][2]) == tiny.DIM  # type: ignore[index]

    asked = len(hub.requests)
    again = ask(hub, "user/model", f"user/model@{first}", "csd:user/csd", "user/never", HF_HUB_OFFLINE="1")
    assert again[:3] == answers and len(hub.requests) == asked
    assert str(again[3]).startswith("user/never cannot be loaded: ")


def test_what_the_hub_refuses_is_one_sentence_with_the_fix(hub: Hub, tmp_path: Path) -> None:
    api = hub.api(hub.guest_token)
    api.create_repo("guest/gated")
    api.upload_folder(folder_path=tiny.tiny_dinov2(tmp_path / "m"), repo_id="guest/gated")
    hub.repos["models/guest/gated"].gated = "manual"
    api.create_repo("guest/empty")
    gated, none, empty, revision, csd = ask(
        hub, "guest/gated", "guest/none", "guest/empty", "guest/empty@v9", "csd:guest/empty"
    )
    assert "is gated: accept its licence at" in str(gated)
    assert str(none).startswith("the Hub has no model guest/none, or it is private")
    assert str(empty).startswith("guest/empty cannot be loaded: ")
    assert str(revision).startswith("guest/empty has no such revision")
    assert str(csd).startswith("guest/empty has no checkpoint: none of *.safetensors")
    for said in (gated, none, empty, revision, csd):
        assert isinstance(said, str) and "\n" not in said
