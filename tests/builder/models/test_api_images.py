import base64
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from artsim_dataset.errors import ArtsimError, ConfigError
from builder.model_config import OpenAIImages
from builder.models import ImageTask, Made, Pixels
from builder.models.api import KEY
from builder.models.api_images import PLAIN_PROMPT, fit, nearest_size, open_openai
from builder.models.ledger import PRICES, BudgetReached, Ledger
from builder.stage import Reject
from tests.builder.models.api_server import ApiServer, Fault, garbage, refuse

SECRET = "sk-not-to-be-seen-anywhere-0123456789"
MODEL = "gpt-image-2.5-flare"
COST = PRICES[MODEL].before("1024x1024", "low")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    monkeypatch.setenv(KEY, SECRET)
    with ApiServer() as running:
        yield running


def painting(width: int = 60, height: int = 60, number: int = 0) -> Pixels:
    """Smooth, so that scaling there and back changes little, and different at every corner."""
    x, y = np.meshgrid(np.linspace(0, 200, width), np.linspace(20, 255, height))
    return np.stack([x, y, np.full_like(x, 40 + 10 * (number % 20))], axis=-1).astype(np.uint8)


def task(number: int = 0, image: Pixels | None = None, prompt: str = "Repaint it as moss.") -> ImageTask:
    return ImageTask(f"v{number}", painting(number=number) if image is None else image, prompt, "radical", number)


def generate(server: ApiServer, folder: Path, *tasks: ImageTask, **options: object) -> list[Made | Reject]:
    chosen = {"base_url": server.url, "model": MODEL, "image_quality": "low"} | options
    with open_openai(OpenAIImages(**chosen), folder) as generator:
        return generator.generate(tasks)


def made(answer: Made | Reject) -> Made:
    assert isinstance(answer, Made), answer
    return answer


@pytest.mark.parametrize(("width", "height"), [(90, 60), (60, 90), (60, 60), (61, 55), (300, 40), (7, 50), (1, 1)])
def test_the_variant_lies_where_the_painting_does(server: ApiServer, tmp_path: Path, width: int, height: int) -> None:
    image = painting(width, height)
    variant = made(generate(server, tmp_path, task(image=image))[0]).pixels
    assert variant.shape == image.shape and variant.dtype == np.uint8
    assert np.abs(variant.astype(int) - (255 - image.astype(int))).max() <= 4


def test_an_edit_is_asked_with_prompt_size_and_quality_and_says_so(server: ApiServer, tmp_path: Path) -> None:
    (answer,) = generate(server, tmp_path, task(image=painting(90, 60)), image_quality="high")
    (request,) = server.requests
    assert request.path == "/v1/images/edits"
    fields = {"model": MODEL, "prompt": "Repaint it as moss.", "size": "1536x1024", "quality": "high"}
    assert request.fields == fields
    sent = Image.open(io.BytesIO(request.files["image"]))
    assert (sent.format, sent.size, sent.mode) == ("PNG", (1536, 1024), "RGB")
    provenance = dict(made(answer).provenance)
    assert len(provenance.pop("request")) == 16
    assert provenance == {
        "generator": "openai",
        "model": MODEL,
        "size": "1536x1024",
        "quality": "high",
        "cost_usd": PRICES[MODEL].before("1536x1024", "high"),
        "prompt_read": True,
        "seed_used": False,
    }
    assert json.loads(json.dumps(provenance)) == provenance


def test_dall_e_2_makes_variations_of_a_small_square_without_reading_the_prompt(
    server: ApiServer, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 700, 3), dtype=np.uint8)
    smooth, rough = generate(server, tmp_path, task(), task(1, noise), model="dall-e-2", max_cost=1)
    assert np.abs(made(smooth).pixels.astype(int) - (255 - painting().astype(int))).max() <= 4
    for request in server.requests:
        assert request.path == "/v1/images/variations"
        assert request.fields == {"model": "dall-e-2", "response_format": "b64_json", "size": "512x512"}
        assert len(request.files["image"]) < 4_000_000
    assert made(rough).provenance["prompt_read"] is False and made(rough).provenance["cost_usd"] == 0.018


def test_without_a_prompt_the_painting_is_painted_again(server: ApiServer, tmp_path: Path) -> None:
    (answer,) = generate(server, tmp_path, task(prompt=""))
    assert server.requests[0].fields["prompt"] == PLAIN_PROMPT
    assert made(answer).provenance["prompt_read"] is False


def test_a_task_without_a_painting_is_a_mistake_in_the_settings(server: ApiServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="repaints paintings"):
        generate(server, tmp_path, ImageTask("v", None, "moss", "", 1))
    assert not server.requests


def test_answers_come_in_order_and_at_most_as_many_at_once(server: ApiServer, tmp_path: Path) -> None:
    server.delay = 0.05
    answers = generate(server, tmp_path, *(task(number) for number in range(6)), concurrency=3)
    blues = [round(float(made(answer).pixels[..., 2].mean())) for answer in answers]
    assert blues == [255 - 40 - 10 * number for number in range(6)]
    assert server.most_at_once == 3


def test_the_tokens_that_the_server_counted_are_the_cost(server: ApiServer, tmp_path: Path) -> None:
    details = {"text_tokens": 20, "image_tokens": 1000}
    server.usage = {"input_tokens": 1020, "output_tokens": 196, "total_tokens": 1216, "input_tokens_details": details}
    (answer,) = generate(server, tmp_path, task())
    assert made(answer).provenance["cost_usd"] == round((20 * 5 + 1000 * 8 + 196 * 30) / 1e6, 6)
    assert Ledger(tmp_path).total() == pytest.approx(made(answer).provenance["cost_usd"])


def test_nothing_is_paid_for_twice(server: ApiServer, tmp_path: Path) -> None:
    first = generate(server, tmp_path, task(), task(1))
    again = generate(server, tmp_path, task(1), task(), max_cost=0)
    assert len(server.requests) == 2
    for answer, same in zip(first, reversed(again), strict=True):
        assert np.array_equal(made(answer).pixels, made(same).pixels)
        assert made(answer).provenance == made(same).provenance
    others = [task(2, painting()), task(0, prompt="Repaint it as rust."), task(0, painting(number=5))]
    generate(server, tmp_path, *others)
    generate(server, tmp_path, task(), image_quality="medium")
    assert len(server.requests) == 6, "another seed, prompt, painting or quality is another image"


def test_a_build_that_is_killed_keeps_what_it_paid_for(server: ApiServer, tmp_path: Path) -> None:
    server.fault = lambda request: Fault(hang=120) if request.fields["prompt"] == "wait" else None
    script = (
        "import sys; from pathlib import Path; from builder.model_config import OpenAIImages; "
        "from tests.builder.models.test_api_images import task; from builder.models.api_images import open_openai\n"
        f"with open_openai(OpenAIImages(base_url={server.url!r}, model={MODEL!r}, image_quality='low'), "
        "Path(sys.argv[1])) as generator: generator.generate([task(), task(1), task(2, prompt='wait')])"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=Path(__file__).parents[3])
    deadline = time.monotonic() + 30
    while len(list(tmp_path.glob("*.png"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert Ledger(tmp_path).total() == pytest.approx(3 * COST), "the one that nobody saw end counts as spent"

    before = len(server.requests)
    server.fault = lambda request: None
    answers = generate(server, tmp_path, task(), task(1), task(2, prompt="wait"), max_cost=4 * COST)
    assert all(isinstance(answer, Made) for answer in answers)
    assert len(server.requests) == before + 1


def test_ctrl_c_stops_at_once_and_counts_what_was_under_way(server: ApiServer, tmp_path: Path) -> None:
    server.fault = lambda request: Fault(hang=120)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell may have it ignored
    timer = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT])
    began = time.monotonic()
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            generate(server, tmp_path, task(), task(1), task(2), concurrency=2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - began < 60  # not after the answer that never came
    assert Ledger(tmp_path).total() == pytest.approx(len(server.requests) * COST)
    assert len(server.requests) == 2


def test_the_budget_is_never_passed_and_what_was_paid_is_kept(server: ApiServer, tmp_path: Path) -> None:
    server.delay = 0.03
    tasks = [task(number) for number in range(8)]
    with pytest.raises(BudgetReached) as caught:
        generate(server, tmp_path, *tasks, concurrency=4, max_cost=5.5 * COST)
    assert len(server.requests) == 5
    assert caught.value.images == 5 and caught.value.spent == pytest.approx(5 * COST)
    assert "5 images are paid for and kept; raise --max-cost and run the same command" in str(caught.value)
    assert len(generate(server, tmp_path, *tasks, max_cost=8 * COST)) == 8
    assert len(server.requests) == 8
    assert Ledger(tmp_path).total() == pytest.approx(8 * COST)


def test_a_budget_needs_a_price(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="no price is known for flux, so --max-cost cannot be kept"),
        open_openai(OpenAIImages(base_url="http://localhost:1/v1", model="flux", max_cost=1), tmp_path),
    ):
        pass


def test_a_model_without_a_price_costs_nothing_that_is_known(server: ApiServer, tmp_path: Path) -> None:
    (answer,) = generate(server, tmp_path, task(), model="flux")
    assert made(answer).provenance["cost_usd"] is None
    assert Ledger(tmp_path).total() == 0


@pytest.mark.parametrize(
    "fault", [refuse(429, retry_after=0.01), refuse(409, retry_after=0.01), refuse(503, retry_after=0.01)]
)
def test_a_refused_request_is_sent_again_and_costs_nothing(server: ApiServer, tmp_path: Path, fault: Fault) -> None:
    server.fault = lambda request: fault if request.seen < 2 else None
    (answer,) = generate(server, tmp_path, task())
    assert isinstance(answer, Made) and len(server.requests) == 3
    assert Ledger(tmp_path).total() == pytest.approx(COST)


def test_retry_after_is_obeyed(server: ApiServer, tmp_path: Path) -> None:
    server.fault = lambda request: refuse(429, retry_after=1.2) if request.seen == 0 else None
    generate(server, tmp_path, task())
    first, second = server.requests
    assert 1.2 <= second.at - first.at < 2


@pytest.mark.parametrize("fault", [Fault(hang=20), Fault(body=b'{"data"', cut=True)])
def test_a_request_whose_end_nobody_saw_counts_as_paid(server: ApiServer, tmp_path: Path, fault: Fault) -> None:
    server.fault = lambda request: fault if request.seen == 0 else None
    (answer,) = generate(server, tmp_path, task(), timeout=1.5)
    assert isinstance(answer, Made) and answer.provenance["cost_usd"] == COST
    assert Ledger(tmp_path).total() == pytest.approx(2 * COST)


def test_money_is_not_thrown_after_a_server_that_stays_silent(server: ApiServer, tmp_path: Path) -> None:
    server.fault = lambda request: Fault(hang=20) if request.fields["prompt"] == "slow" else None
    good, slow = generate(server, tmp_path, task(), task(1, prompt="slow"), timeout=1, concurrency=1)
    assert isinstance(good, Made)
    assert isinstance(slow, Reject) and slow.reason == "timeout"
    assert len(server.requests) == 3 and Ledger(tmp_path).total() == pytest.approx(3 * COST)


def test_a_server_that_is_not_there_costs_nothing(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder.models.api_images.RETRIES", 1)
    with pytest.raises(ArtsimError, match="127.0.0.1 cannot be reached"):
        generate(server, tmp_path, task(), base_url="http://127.0.0.1:9/v1")
    assert Ledger(tmp_path).total() == 0


def test_refusals_are_rejects_of_their_kind_and_cost_nothing(server: ApiServer, tmp_path: Path) -> None:
    faults = {
        "nude": refuse(400, "Your request was rejected by our safety system. " * 9, "moderation_blocked"),
        "gore": refuse(400, "no", "content_policy_violation"),
        "long": refuse(400, "the prompt is too long", "invalid_value"),
    }
    server.fault = lambda request: faults.get(request.fields["prompt"])
    answers = generate(server, tmp_path, *(task(prompt=prompt) for prompt in (*faults, "fine")))
    rejects = [answer for answer in answers if isinstance(answer, Reject)]
    assert [reject.reason for reject in rejects] == ["content_policy", "content_policy", "refused_by_server"]
    assert "safety system" in rejects[0].message and len(rejects[0].message) < 250
    assert isinstance(answers[3], Made) and len(server.requests) == 4
    assert Ledger(tmp_path).total() == pytest.approx(COST)


@pytest.mark.parametrize(
    "body",
    [
        {"data": [{"b64_json": base64.b64encode(b"no image").decode()}]},
        {"data": [{"b64_json": "%%%"}]},
        {"data": [{"b64_json": 7}]},
        {"data": [{}]},
        {"data": []},
        {"data": None},
        [],
        None,
    ],
)
def test_an_answer_without_an_image_is_bought_once_more(server: ApiServer, tmp_path: Path, body: object) -> None:
    bad = garbage(json.dumps(body).encode())
    server.fault = lambda request: bad if request.seen == 0 else None
    assert isinstance(generate(server, tmp_path, task())[0], Made)
    assert len(server.requests) == 2 and Ledger(tmp_path).total() == pytest.approx(2 * COST)

    server.fault = lambda request: bad
    (reject,) = generate(server, tmp_path, task(1))
    assert isinstance(reject, Reject) and reject.reason == "bad_answer"
    assert len(server.requests) == 4 and len(list(tmp_path.glob("*.png"))) == 1


@pytest.mark.parametrize("body", [b'{"data": [', b"\xff\xfe", b"<html>busy</html>"])
def test_no_json_is_no_image(server: ApiServer, tmp_path: Path, body: bytes) -> None:
    server.fault = lambda request: garbage(body) if request.seen == 0 else garbage(body, "text/html")
    (reject,) = generate(server, tmp_path, task())
    assert isinstance(reject, Reject) and reject.reason == "bad_answer"


def test_a_server_that_answers_with_addresses_is_refused_at_once(server: ApiServer, tmp_path: Path) -> None:
    server.fault = lambda request: garbage(b'{"data": [{"url": "http://127.0.0.1/x.png"}]}')
    with pytest.raises(ConfigError, match="addresses of images instead of images"):
        generate(server, tmp_path, *(task(number) for number in range(9)), concurrency=1)
    assert len(server.requests) == 1


def test_an_answer_of_another_size_and_format_is_cut_in_proportion(server: ApiServer, tmp_path: Path) -> None:
    image = painting(200, 100)
    picture, _ = fit(image, (1536, 1024))
    stream = io.BytesIO()
    Image.fromarray(picture).resize((768, 512)).save(stream, "WEBP", lossless=True)
    body = {"data": [{"b64_json": base64.b64encode(stream.getvalue()).decode()}]}
    server.fault = lambda request: garbage(json.dumps(body).encode())
    variant = made(generate(server, tmp_path, task(image=image))[0]).pixels
    assert np.abs(variant.astype(int) - image.astype(int)).max() <= 5


def test_a_wrong_key_is_one_sentence_and_the_key_is_in_nothing_written_or_logged(
    server: ApiServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.fault = lambda request: refuse(401, f"bad key {SECRET}") if request.fields["prompt"] == "x" else None
    with caplog.at_level(logging.DEBUG):
        generate(server, tmp_path, task())
        with pytest.raises(ConfigError, match=r"refuses the key \(bad key \*\*\*\); check OPENAI_API_KEY"):
            generate(server, tmp_path, task(prompt="x"))
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert caplog.records and SECRET not in caplog.text
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 4 and not any(SECRET.encode() in path.read_bytes() for path in written)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 400), st.integers(1, 400))
def test_a_fitted_painting_fills_the_size_and_touches_two_sides(width: int, height: int) -> None:
    size = nearest_size(width, height)
    picture, (left, top, right, bottom) = fit(painting(width, height), size)
    assert picture.shape == (size[1], size[0], 3)
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    assert (left, right) == (0, size[0]) or (top, bottom) == (0, size[1])
    assert abs(left - (size[0] - right)) <= 1 and abs(top - (size[1] - bottom)) <= 1
    if top:  # the row above the painting is its first row: reflection, not a bar
        assert np.array_equal(picture[int(top) - 1], picture[int(top)])
