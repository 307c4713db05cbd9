import time
from collections.abc import Iterator

import pytest

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import Painting
from builder.model_config import LlmPrompt
from builder.models import PromptTask
from builder.models.api import KEY
from builder.models.api_prompt import ATTEMPTS, open_server
from builder.models.instructions import messages
from builder.stage import Reject
from tests.builder.models.api_server import PROMPT, ApiServer, Fault, Request, garbage, refuse


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    monkeypatch.delenv(KEY, raising=False)
    with ApiServer() as running:
        yield running


def task(number: int = 0, seed: int = 2**40 + 7) -> PromptTask:
    painting = Painting(f"Realism/{number}", "Realism", "Ivan Shishkin", "Rye")
    return PromptTask(painting, f"a path through field {number}", "radical", "mythological", seed)


def write(server: ApiServer, *tasks: PromptTask, **settings: object) -> list[str | Reject]:
    with open_server(LlmPrompt(base_url=server.url, model="m", **settings)) as writer:
        return writer.write(tasks)


def test_the_server_is_asked_what_the_settings_and_the_task_say(server: ApiServer) -> None:
    assert write(server, task(), temperature=0.3, top_p=0.8, max_new_tokens=99) == [PROMPT]
    assert server.requests[0].fields == {
        "model": "m",
        "messages": messages(task()),
        "seed": 7,
        "temperature": 0.3,
        "top_p": 0.8,
        "max_tokens": 99,
    }


def test_prompts_come_in_the_order_of_their_tasks(server: ApiServer) -> None:
    def slowly(request: Request) -> str:
        time.sleep(0.05)  # so that requests that may overlap do
        return f"Repaint {_field(request)} as moss."

    server.prompt = slowly
    answers = write(server, *(task(number) for number in range(60)), concurrency=7)
    assert answers == [f"Repaint field {number} as moss." for number in range(60)]
    assert 1 < server.most_at_once <= 7


def _field(request: Request) -> str:
    return "field " + request.fields["messages"][-1]["content"].partition("field ")[2].split()[0].strip(".")


def test_an_answer_is_cleaned_of_what_surrounds_the_prompt(server: ApiServer) -> None:
    server.prompt = lambda request: f'Here is the prompt:\n\n"{PROMPT}"'
    assert write(server, task()) == [PROMPT]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I'm sorry, I can't help with that.", "refusal"),
        ("", "empty_prompt"),
        (None, "bad_answer"),
        ("word " * 90, "prompt_too_long"),
        ("Repaint it as Ivan Shishkin would.", "prompt_names_painting"),
    ],
)
def test_an_unusable_answer_is_asked_for_again_with_another_seed(
    server: ApiServer, answer: str | None, reason: str
) -> None:
    server.prompt = lambda request: answer if len(server.requests) < ATTEMPTS else PROMPT
    assert write(server, task()) == [PROMPT]
    assert [request.fields["seed"] for request in server.requests] == [7, 8, 9]

    server.prompt = lambda request: answer
    (reject,) = write(server, task())
    assert isinstance(reject, Reject) and reject.reason == reason
    assert reject.message.endswith("(3 attempts)") and len(server.requests) == 2 * ATTEMPTS


def test_seeds_stay_within_31_bits(server: ApiServer) -> None:
    server.prompt = lambda request: "" if len(server.requests) == 1 else PROMPT
    write(server, task(seed=2**63 - 1))
    assert [request.fields["seed"] for request in server.requests] == [2**31 - 1, 0]


def test_a_sentence_broken_off_by_the_limit_of_tokens_is_left_out(server: ApiServer) -> None:
    server.finish_reason = "length"
    server.prompt = lambda request: PROMPT + " And then let the sky be"
    assert write(server, task()) == [PROMPT]


def test_a_stopped_or_refused_answer_is_a_refusal(server: ApiServer) -> None:
    server.finish_reason = "content_filter"
    (reject,) = write(server, task())
    assert isinstance(reject, Reject) and reject.reason == "refusal"


@pytest.mark.parametrize(
    "body",
    [b"<html>busy</html>", b'{"choices": [', b"null", b"[]", b'"text"', b"{}", b'{"choices": [null]}']
    + [b'{"choices": []}', b'{"choices": [{}]}', b'{"choices": [{"message": {"content": 3}}]}', b'{"choices": 7}'],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
def test_garbage_is_asked_again_and_then_a_reject(server: ApiServer, body: bytes, content_type: str) -> None:
    server.fault = lambda request: garbage(body, content_type)
    (reject,) = write(server, task())
    assert isinstance(reject, Reject) and reject.reason == "bad_answer"
    assert len(server.requests) == ATTEMPTS


def test_a_refused_request_is_not_asked_again(server: ApiServer) -> None:
    server.fault = lambda request: refuse(400, "filtered", "content_filter") if request.fields["seed"] == 1 else None
    good, blocked = write(server, task(), task(1, seed=1), concurrency=1)
    assert good == PROMPT
    assert blocked == Reject("content_policy", "127.0.0.1: filtered")
    assert len(server.requests) == 2


def test_what_a_model_does_not_take_is_left_out_or_called_by_its_other_name(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    unsupported = {"max_tokens": "unsupported_parameter", "temperature": "unsupported_value"}

    def fault(request: Request) -> Fault | None:
        bad = [name for name in unsupported if name in request.fields]
        return refuse(400, f"{bad[0]} is not supported", unsupported[bad[0]], param=bad[0]) if bad else None

    server.fault = fault
    tasks = [task(number) for number in range(12)]
    assert write(server, *tasks, concurrency=3, max_new_tokens=300) == [PROMPT] * 12
    assert len(server.requests) <= 12 + 3 * 2
    last = server.requests[-1].fields
    assert last["max_completion_tokens"] == 300 and last["top_p"] == 0.9 and "seed" in last
    assert {"max_tokens", "temperature"}.isdisjoint(last)
    assert [record.message for record in caplog.records] == [
        "m takes no max_tokens: max_completion_tokens is sent instead",
        "m takes no temperature: nothing is sent instead",
    ]


def test_a_server_that_refuses_what_it_was_not_sent_is_believed_once(server: ApiServer) -> None:
    server.fault = lambda request: refuse(400, "no", "unsupported_parameter", param="top_p")
    (reject,) = write(server, task())
    assert reject == Reject("refused_by_server", "127.0.0.1: no")
    assert len(server.requests) == 2


def test_a_wrong_key_ends_it_at_once(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "wrong")
    server.fault = lambda request: refuse(401, "Incorrect API key provided: wrong")
    with pytest.raises(ConfigError) as caught:
        write(server, *(task(number) for number in range(20)), concurrency=2)
    assert str(caught.value) == f"127.0.0.1 refuses the key (Incorrect API key provided: ***); check {KEY}"
    assert len(server.requests) <= 2
