import asyncio
import concurrent.futures
import logging
import socket
import threading
import traceback
from collections.abc import Iterator

import pytest

from artsim_dataset.errors import ArtsimError, ConfigError
from builder.models.api import KEY, Calls, Server, open_client
from builder.stage import Reject
from tests.builder.models.api_server import ApiServer, Fault, garbage, refuse

SECRET = "sk-not-to-be-seen-anywhere-0123456789"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as running:
        yield running


@pytest.fixture
def calls() -> Iterator[Calls]:
    opened = Calls(4)
    yield opened
    opened.close()


def ask(url: str, calls: Calls, number: int = 1, timeout: float = 10, retries: int = 1) -> list[object]:
    """``number`` chat requests through the real client; each answer is the client's, or a reject."""
    client = open_client(url, timeout, retries)
    asked = Server(client, "m", calls)

    async def one(text: str) -> object:
        return await asked.ask(
            lambda: client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
        )

    try:
        return calls.run(one, [str(place) for place in range(number)])
    finally:
        calls.wait(client.close())


def test_answers_come_in_order_and_no_more_run_at_once_than_allowed(calls: Calls) -> None:
    running, most = 0, 0

    async def slow(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (item % 5))
        running -= 1
        return item * item

    assert calls.run(slow, range(50)) == [item * item for item in range(50)]
    assert most == 4
    assert calls.run(slow, []) == []


def test_the_server_sees_as_many_requests_at_once_as_allowed(server: ApiServer, calls: Calls) -> None:
    server.delay = 0.03
    assert len(ask(server.url, calls, 20)) == 20
    assert server.most_at_once == 4


def test_after_an_error_nothing_is_started_and_what_runs_is_finished(calls: Calls) -> None:
    started, finished = [], []

    async def call(item: int) -> None:
        started.append(item)
        await asyncio.sleep(0.01 if item == 1 else 0.05)
        if item == 1:
            raise ConfigError("no")
        finished.append(item)

    with pytest.raises(ConfigError, match="no"):
        calls.run(call, range(100))
    assert sorted(started) == [0, 1, 2, 3] and sorted(finished) == [0, 2, 3]


def test_calls_work_inside_a_running_event_loop_and_close_ends_the_thread() -> None:
    async def double(item: int) -> int:
        return 2 * item

    async def notebook() -> list[int]:
        opened = Calls(2)
        try:
            return opened.run(double, [1, 2, 3])
        finally:
            opened.close()
            opened.close()

    assert asyncio.run(notebook()) == [2, 4, 6]
    assert not any(thread.name == "artsim-calls" for thread in threading.enumerate())


def test_the_rate_limit_spaces_requests_evenly_from_the_first(server: ApiServer) -> None:
    calls = Calls(8, requests_per_minute=1200)
    ask(server.url, calls, 10)
    calls.close()
    times = [request.at for request in server.requests]
    gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert times[-1] - times[0] >= 9 * 0.05 * 0.95
    assert sum(gap > 0.03 for gap in gaps) >= 8


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_errors_that_a_retry_may_cure_are_retried(server: ApiServer, calls: Calls, status: int) -> None:
    server.fault = lambda request: refuse(status, retry_after=0.01) if request.seen == 0 else None
    (answer,) = ask(server.url, calls)
    assert not isinstance(answer, Reject)
    assert len(server.requests) == 2


def test_retry_after_is_obeyed(server: ApiServer, calls: Calls) -> None:
    server.fault = lambda request: refuse(429, retry_after=1.2) if request.seen == 0 else None
    ask(server.url, calls)
    first, second = server.requests
    assert 1.2 <= second.at - first.at < 2


def test_silence_and_a_cut_connection_are_retried(server: ApiServer, calls: Calls) -> None:
    faults = [Fault(hang=20), Fault(body=b'{"id"', cut=True)]
    server.fault = lambda request: faults[request.seen] if request.seen < 2 else None
    (answer,) = ask(server.url, calls, timeout=0.8, retries=2)
    assert not isinstance(answer, Reject)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, f"127.0.0.1 refuses the key (no); it wants a key: set {KEY}"),
        (403, "127.0.0.1 does not let this key use m (no); take another"),
        (404, "127.0.0.1 has no model m (no); check the model's name and base_url"),
    ],
)
def test_what_no_retry_cures_is_one_sentence_after_one_request(
    server: ApiServer, calls: Calls, monkeypatch: pytest.MonkeyPatch, status: int, words: str
) -> None:
    monkeypatch.delenv(KEY, raising=False)
    server.fault = lambda request: refuse(status, "no")
    with pytest.raises(ConfigError) as caught:
        ask(server.url, calls)
    assert str(caught.value) == words
    assert len(server.requests) == 1


def test_an_empty_account_is_said_to_be_one(server: ApiServer, calls: Calls) -> None:
    server.fault = lambda request: refuse(429, "You exceeded your quota", "insufficient_quota", retry_after=0.01)
    with pytest.raises(ArtsimError, match="no credit is left \\(You exceeded your quota\\)"):
        ask(server.url, calls)


def test_a_server_that_is_not_there_is_named_without_its_password(calls: Calls) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ArtsimError) as caught:
        ask(f"http://me:{SECRET}@127.0.0.1:{port}/v1", calls)
    assert "127.0.0.1 cannot be reached; start it or check base_url" in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_never_works_ends_the_build(server: ApiServer, calls: Calls) -> None:
    server.fault = lambda request: refuse(500, "out of order", retry_after=0.01)
    with pytest.raises(ArtsimError, match="failed . requests? in a row \\(out of order\\)"):
        ask(server.url, calls, 20)
    assert len(server.requests) <= 4 * 2


def test_a_row_that_fails_among_others_that_do_not_is_a_reject(server: ApiServer, calls: Calls) -> None:
    bad = {"5": refuse(500, "too odd", retry_after=0.01), "9": Fault(hang=20), "12": refuse(400, "too long")}
    server.fault = lambda request: bad.get(request.fields["messages"][0]["content"])
    answers = ask(server.url, calls, 20, timeout=0.8, retries=1)
    rejects = {place: a.reason for place, a in enumerate(answers) if isinstance(a, Reject)}
    assert rejects == {5: "server_error", 9: "timeout", 12: "refused_by_server"}
    assert [request.seen for request in server.requests].count(1) == 2, "400 is not sent again"


def test_a_server_that_refuses_whatever_it_is_asked_ends_the_build(server: ApiServer, calls: Calls) -> None:
    server.fault = lambda request: refuse(400, "max_tokens is not supported", "unsupported_parameter")
    answers = ask(server.url, calls, 20)
    assert all(isinstance(answer, Reject) and answer.reason == "refused_by_server" for answer in answers)
    with pytest.raises(ConfigError, match=r"refused the first 21 requests \(max_tokens is not supported\)"):
        ask(server.url, calls, 200)
    assert len(server.requests) <= 20 + 21 + 3


def test_a_server_that_stops_working_ends_the_build(server: ApiServer, calls: Calls) -> None:
    server.fault = lambda request: refuse(500, "gone", retry_after=0.01) if len(server.requests) > 30 else None
    with pytest.raises(ArtsimError, match="failed 5 requests in a row"):
        ask(server.url, calls, 400)
    assert len(server.requests) < 60


def test_an_answer_that_is_no_json_is_a_reject(server: ApiServer, calls: Calls) -> None:
    bodies = [b'{"choices": [', b"\xff\xfe\x00"]
    server.fault = lambda request: garbage(bodies[int(request.fields["messages"][0]["content"])])
    for answer in ask(server.url, calls, 2):
        assert isinstance(answer, Reject) and answer.reason == "bad_answer"


def test_without_a_server_of_ones_own_a_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY, raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigError, match=f"set the environment variable {KEY}, or give a base_url"):
        open_client(None, 10)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://host", "http://", "//me:hidden@host/v1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url must be an address such as") as caught:
        open_client(url, 10)
    assert "hidden" not in str(caught.value)


def test_a_server_without_keys_gets_a_placeholder(
    server: ApiServer, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY, raising=False)
    ask(server.url, calls)
    assert server.requests[0].headers["authorization"] == "Bearer not-needed"


def test_the_key_reaches_the_server_and_no_log_or_error(
    server: ApiServer, calls: Calls, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(KEY, SECRET)
    told = []
    with caplog.at_level(logging.DEBUG):
        for status in (200, 400, 401, 403, 404, 429, 500):
            server.fault = lambda request, status=status: (  # type: ignore[misc]
                refuse(status, f"bad key {SECRET}", retry_after=0.01) if status > 200 else None
            )
            try:
                told.append(str(ask(server.url, calls)))
            except ArtsimError as error:
                told.append("".join(traceback.format_exception(error)))
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert len(told) == 7 and "bad key ***" in told[1] and "bad key ***" in told[-1]
    assert caplog.records and SECRET not in caplog.text + "".join(told)


def test_closing_cancels_what_still_runs(calls: Calls) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def endless(item: int) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    def run() -> None:
        with pytest.raises(concurrent.futures.CancelledError):
            calls.run(endless, [1])

    runner = threading.Thread(target=run)
    runner.start()
    assert begun.wait(5)
    calls.close()
    assert ended.wait(5)
    runner.join(5)
    assert not runner.is_alive()
