"""`artsim train --push` against a Hub: what arrives, what its card says, and that strangers can use it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import load_dataset
from huggingface_hub import ModelCard

from artsim_dataset.cli.push import before_training, push_trained
from artsim_dataset.encoders import get_encoder
from artsim_dataset.errors import ConfigError
from artsim_dataset.evaluate import evaluate
from artsim_dataset.model import Dense, load_model, save_model
from artsim_dataset.model_card import DataFacts, Publication, render_card
from artsim_dataset.schema import painting_id_of
from tests.artsim_dataset.learning import PixelEncoder, painting
from tests.hub import Hub, refuse

ROOT = Path(__file__).parents[2]
FACTS: dict[str, Any] = {
    "artsim": "1.0", "encoder": "lite", "revision": "7", "tau": 0.05, "config": {"head": "linear", "note": "a|b"},
    "dataset": "mine", "paintings": 8, "variants": 16, "validation_paintings": 2, "best_epoch": 1,
    "history": [{"epoch": 0, "validation_loss": 9.0, "validation_recall@1": 0.1},
                {"epoch": 1, "validation_loss": 0.25, "validation_recall@1": 0.75}]}  # fmt: skip
SCORES = {"triplet_accuracy": 0.5, "recall@1": 0.25, "ci95": {"triplet_accuracy": [0.4, 0.6], "recall@1": [0.1, 0.4]}}
EVALUATION: dict[str, Any] = {**SCORES, "perturbed": {**SCORES, "recall@1": 0.125}, "dataset": "artsim",
                              "split": "test", "n_variants": 2000, "n_paintings": 1000}  # fmt: skip


def run(hub: Hub, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, which takes ``hub`` for the Hub."""
    return subprocess.run([sys.executable, *arguments], env={**hub.env, **(env or {})}, cwd=ROOT, capture_output=True,
                          text=True, timeout=300)  # fmt: skip


def push(hub: Hub, folder: Path, private: bool = False) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; from artsim_dataset.push import push_model; from artsim_dataset.errors import ArtsimError\n"
        f"try: print(push_model({str(folder)!r}, 'user/model', {private}))\n"
        "except ArtsimError as error: sys.exit(f'{type(error).__name__}: {error}')"
    )
    return run(hub, "-c", code)


def small_model(folder: Path, layers: int, facts: Mapping[str, Any] | None = None) -> Path:
    """A head of so many layers; its encoder is not opened by a push."""
    sizes = [PixelEncoder.dim, *[8] * layers]
    draw = np.random.default_rng(layers)
    dense = [Dense(draw.normal(size=(o, i)).astype(np.float32), np.zeros(o, np.float32))
             for i, o in zip(sizes[:-1], sizes[1:], strict=True)]  # fmt: skip
    save_model(folder, PixelEncoder(), dense, tau=0.05, facts=facts or {})
    return folder


# --- train, push, load -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pushed:
    hub: Hub
    folder: Path
    said: dict[str, Any]
    commit: str


@pytest.fixture(scope="module")
def pushed(sharded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    """A model trained on a data set of the Hub and published, all by the command."""
    folder = tmp_path_factory.mktemp("pushed") / "model"
    with Hub() as hub:
        hub.api().create_repo("user/artsim", repo_type="dataset")
        sent = hub.api().upload_folder(folder_path=sharded, repo_id="user/artsim", repo_type="dataset",
                                       ignore_patterns=["work/*"])  # fmt: skip
        done = run(hub, "-m", "artsim_dataset.cli", "train", "siamese", "user/artsim", "--out", str(folder),
                   "--epochs", "2", "--push", "user/model", "--private", "--json")  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        yield Pushed(hub, folder, json.loads(done.stdout), sent.oid)


def test_repository_holds_the_model_and_its_card_in_one_commit(pushed: Pushed) -> None:
    repo = pushed.hub.repos["models/user/model"]
    made = {path.relative_to(pushed.folder).as_posix() for path in pushed.folder.rglob("*") if path.is_file()}
    assert set(repo.files()) == made | {".gitattributes"}
    for name in made - {"README.md"}:
        assert pushed.hub.read("models/user/model", name) == (pushed.folder / name).read_bytes()
    info = pushed.hub.api().model_info("user/model")
    assert info.private and len(list(repo.log())) == 2
    assert pushed.said["pushed"] == f"{pushed.hub.endpoint}/user/model/commit/{info.sha}"


def test_card_shows_what_evaluate_measures_and_names_the_data_set(pushed: Pushed, sharded: Path) -> None:
    card = ModelCard(pushed.hub.read("models/user/model", "README.md").decode())
    assert any(request.path == "/api/validate-yaml" and request.status == 200 for request in pushed.hub.requests)
    rows = load_dataset(str(sharded), "pairs", split="test")
    measured = evaluate(rows, load_model(pushed.folder)).to_json()
    results = {result.metric_type: result for result in card.data.eval_results}
    assert set(results) == {"triplet_accuracy", "recall@1"}
    for metric, result in results.items():
        assert result.metric_value == pytest.approx(measured["perturbed"][metric])
        assert (result.dataset_type, result.dataset_revision) == ("user/artsim", pushed.commit)
        for scores in (measured, measured["perturbed"]):
            assert f"{scores[metric]:.4f} [" in card.text
    digest = json.loads((sharded / "build.json").read_text())["digest"]
    assert f"| its revision | {pushed.commit} |" in card.text and f"| {digest} |" in card.text
    assert card.data.datasets == ["user/artsim"] and card.data.license == "other"
    assert "Results on held-out paintings" in card.text and "not held out" not in card.text


def test_sentence_transformers_loads_it_from_the_hub_with_the_same_vectors(pushed: Pushed, tmp_path: Path) -> None:
    images = [painting("a"), painting("b")]
    for number, image in enumerate(images):
        image.save(tmp_path / f"{number}.png")
    code = (
        "import json, sys; from sentence_transformers import SentenceTransformer\n"
        "model = SentenceTransformer('user/model', trust_remote_code=True, device='cpu')\n"
        "print(json.dumps(model.encode(sys.argv[1:]).tolist()))"
    )
    done = run(pushed.hub, "-c", code, *(str(tmp_path / f"{number}.png") for number in range(2)))
    assert done.returncode == 0, done.stderr
    vectors = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(vectors, load_model(pushed.folder).encode(images), atol=1e-5)


# --- again, and after a fault ----------------------------------------------------------------------------------------


def test_second_push_sends_nothing_and_another_model_leaves_none_of_the_first(hub: Hub, tmp_path: Path) -> None:
    model = small_model(tmp_path / "model", layers=2)
    (model / "tokenizer.json").write_text("{}")  # as a model that was trained end to end has it
    (model / "training_args.bin").write_bytes(b"a pickle")
    (model / "checkpoint").mkdir()
    (model / "checkpoint" / "state.json").write_text("{}")
    first = push(hub, model)
    assert first.returncode == 0, first.stderr
    repo = hub.repos["models/user/model"]
    assert "2_Dense/model.safetensors" in repo.files() and "tokenizer.json" in repo.files()
    assert not {"checkpoint/state.json", "training_args.bin"} & set(repo.files())
    sent = [request.received for request in hub.requests if request.method == "PUT"]
    hub.api().upload_file(path_or_fileobj=b"by hand", path_in_repo="notes/1_more/config.json", repo_id="user/model")
    assert push(hub, model).returncode == 0
    assert len(list(repo.log())) == 3, "nothing changed, so nothing was committed"
    assert [request.received for request in hub.requests if request.method == "PUT"] == sent
    refused = push(hub, model, private=True)
    assert refused.returncode == 1 and "user/model is there already and everybody sees it" in refused.stderr
    assert push(hub, small_model(tmp_path / "other", layers=1)).returncode == 0
    left = {name for name in repo.files() if "/" in name}
    assert left == {"1_Dense/config.json", "1_Dense/model.safetensors", "2_Normalize/config.json",
                    "notes/1_more/config.json"}  # fmt: skip


def test_refused_push_leaves_nothing_and_the_same_call_goes_on(hub: Hub, tmp_path: Path) -> None:
    model = small_model(tmp_path / "model", layers=1)
    hub.fault = lambda request: refuse(403, "no") if request.path.endswith("/commit/main") else None
    failed = push(hub, model)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("ConfigError: your token may not do this to user/model (403: no)")
    assert set(hub.repos["models/user/model"].files()) == {".gitattributes"}
    sent = sum(request.received for request in hub.requests if request.method == "PUT")
    hub.fault = lambda request: None
    assert push(hub, model).returncode == 0
    assert "modules.json" in hub.repos["models/user/model"].files()
    assert sum(request.received for request in hub.requests if request.method == "PUT") == sent, "weights arrived once"


# --- refused before any training -------------------------------------------------------------------------------------


CHECK = """
import json, os, sys
from artsim_dataset.errors import ConfigError
from artsim_dataset.push import check_push
for repo, token in json.loads(sys.argv[1]):
    os.environ["HF_TOKEN"] = token
    try:
        print(check_push(repo))
    except ConfigError as error:
        print(error)
"""


def test_what_cannot_be_pushed_is_known_from_the_name_and_the_token(hub: Hub) -> None:
    cases = [
        ("user/model", hub.token, "None"),
        ("museum/model", hub.token, "None"),
        ("guest/model", hub.token, "the token for the Hub is user's, who may not write to guest/model"),
        ("user/model", hub.reader_token, "the token for the Hub may only read"),
        ("user/mo del", hub.token, "'user/mo del' cannot be the name of a repository"),
        ("model", hub.token, "'model' names no owner: give user/name"),
        ("user/model", "hf_unknown", "the Hub does not know your token"),
    ]
    done = run(hub, "-c", CHECK, json.dumps([case[:2] for case in cases]))
    assert done.returncode == 0, done.stderr
    for line, (_, _, sentence) in zip(done.stdout.splitlines(), cases, strict=True):
        assert line.startswith(sentence)
    assert not hub.repos


def test_command_refuses_before_it_trains(hub: Hub, sharded: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    done = run(hub, "-m", "artsim_dataset.cli", "train", "siamese", str(sharded), "--out", str(out), "--push", "a/b")
    assert done.returncode == 2 and "who may not write to a/b" in done.stderr and done.stderr.count("\n") == 1
    assert not out.exists() and not hub.repos


def test_private_alone_means_nothing_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--private is for the repository of --push"):
        before_training(tmp_path, None, private=True)


def test_folder_without_a_model_or_with_an_encoder_of_this_machine_is_not_pushed(tmp_path: Path) -> None:
    from artsim_dataset.push import push_model

    with pytest.raises(ConfigError, match="holds no finished similarity model"):
        push_model(tmp_path, "user/model")
    model = small_model(tmp_path / "model", layers=1)
    facts = json.loads((model / "artsim.json").read_text())
    for encoder in (str(tmp_path), f"clip-cls:{tmp_path}"):
        (model / "artsim.json").write_text(json.dumps(facts | {"encoder": encoder}))
        with pytest.raises(ConfigError, match="is a folder on this machine, which nobody else has"):
            push_model(model, "user/model")
        with pytest.raises(ConfigError, match="is a folder on this machine"):  # before it is trained on, too
            before_training(tmp_path, "user/model", private=False, encoder=encoder)


def test_folder_that_is_called_like_the_encoder_keeps_no_model_from_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from artsim_dataset.push import _read

    model = small_model(tmp_path / "model", layers=1)
    facts = json.loads((model / "artsim.json").read_text())
    (model / "artsim.json").write_text(json.dumps(facts | {"encoder": "lite"}))
    (tmp_path / "lite").mkdir()  # a data set, say
    monkeypatch.chdir(tmp_path)
    assert _read(model)[1]["encoder"] == "lite"


# --- the card --------------------------------------------------------------------------------------------------------


def test_card_without_an_evaluation_says_that_its_numbers_are_not_held_out() -> None:
    card = ModelCard(render_card(FACTS, 64, Publication("user/model", DataFacts("mine", "0123"))))
    assert "## Results in validation (not held out)" in card.text and "held-out" not in card.text
    assert "| validation loss | 0.2500 |" in card.text and "| validation recall@1 | 0.7500 |" in card.text
    assert card.data.eval_results is None and card.data.datasets is None
    assert "| digest of its build | 0123 |" in card.text and "its revision" not in card.text


def test_card_with_an_evaluation_has_its_numbers_and_intervals() -> None:
    card = ModelCard(render_card(FACTS, 64, Publication("user/model", None, EVALUATION | {"baseline": EVALUATION})))
    assert "2,000 variants of 1,000 paintings, split `test`" in card.text
    row = "triplet_accuracy | 0.5000 [0.400, 0.600] | 0.5000 [0.400, 0.600] |"
    assert f"| this model | {row}" in card.text and f"| its encoder without the head | {row}" in card.text
    assert "| this model | recall@1 | 0.2500 [0.100, 0.400] | 0.1250 [0.100, 0.400] |" in card.text
    assert [result.metric_value for result in card.data.eval_results] == [0.5, 0.125]
    assert "in validation" not in card.text


def test_card_names_the_base_model_only_where_the_hub_has_it() -> None:
    for encoder, base in (("lite", None), ("openai/clip-vit-base-patch32", "openai/clip-vit-base-patch32"),
                          ("csd:owner/csd", None)):  # fmt: skip
        card = ModelCard(render_card(FACTS | {"encoder": encoder}, 64, Publication("user/model")))
        assert card.data.base_model == base
        assert ("Apache-2.0" in card.text) == (encoder == "lite")


def test_card_of_an_encoder_trained_itself_needs_no_trust_and_names_its_licence() -> None:
    facts = FACTS | {"encoder": "openai/clip-vit-base-patch32", "encoder_weights": "LoRA of rank 4"}
    text = render_card(facts, 512, Publication("user/model"))
    assert 'SentenceTransformer("user/model")' in text and "trust_remote_code" not in text
    assert "those of `openai/clip-vit-base-patch32`, trained further (LoRA of rank 4): its licence holds" in text


def test_card_of_a_split_of_its_own_names_that_split() -> None:
    facts = FACTS | {"split": {"scheme": "artist-disjoint"}}
    evaluation = EVALUATION | {"held_out": True, "split": "train+test"}
    card = ModelCard(render_card(facts, 64, Publication("user/model", None, evaluation)))
    assert "kept from training by the split `artist-disjoint`" in card.text and "train+test" not in str(card)


def test_card_in_the_folder_tells_how_to_use_the_folder_and_keeps_its_table_whole() -> None:
    text = render_card(FACTS, 64)
    assert 'SentenceTransformer("path/to/this/folder", trust_remote_code=True)' in text
    assert "| note | a\\|b |" in text and "artsim evaluate DATASET --model FOLDER" in text


# --- what is evaluated -----------------------------------------------------------------------------------------------


def test_only_paintings_that_the_model_was_kept_from_are_called_held_out(
    sharded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("artsim_dataset.push.push_model", lambda *arguments: seen.append(arguments) or "address")
    lite = get_encoder("lite")
    head = [Dense(np.eye(4, lite.dim, dtype=np.float32), np.zeros(4, np.float32))]
    paintings = sorted({painting_id_of(id_) for id_ in load_dataset(str(sharded), "metadata", split="train")["id"]})
    for scheme, parts, expected in (
        ("80/20", {"validation": paintings[:8]}, None),
        ("artist-disjoint", {"validation": paintings[:2], "test": paintings[2:10]}, ("train+test", True, 8)),
        ("published", None, ("test", False, 4)),
    ):
        save_model(tmp_path / "model", lite, head, 0.07, {"split": {"scheme": scheme}}, parts)
        assert push_trained(sharded, tmp_path / "model", "user/model", False, None) == "address"
        evaluation, told = seen[-1][-1], capsys.readouterr().err
        if expected is None:
            assert evaluation is None and "its split keeps no paintings to test on" in told
        else:
            assert (evaluation["split"], evaluation["held_out"], evaluation["n_paintings"]) == expected and not told
