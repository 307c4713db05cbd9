import json
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.models.ledger import PRICES, SPENT, BudgetReached, Ledger, price_of


def test_money_is_counted_when_it_is_put_aside_and_corrected_when_it_is_known(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first, second, third = (ledger.allow(0.04, None) for _ in range(3))
    assert ledger.total() == pytest.approx(0.12)
    ledger.settle(first, 0.03)
    ledger.settle(second, 0.0)
    ledger.settle(third, 0.04)
    assert ledger.total() == pytest.approx(0.07)
    assert Ledger(tmp_path).total() == pytest.approx(0.07)


def test_the_budget_counts_requests_under_way_of_every_process(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path), Ledger(tmp_path)
    one.allow(0.04, 0.10)
    ticket = other.allow(0.04, 0.10)
    for ledger in (one, other):
        with pytest.raises(BudgetReached, match=r"spent \$0.08 of \$0.10: .* 0 images are paid for"):
            ledger.allow(0.04, 0.10)
    other.settle(ticket, 0.0)
    one.allow(0.04, 0.10)
    assert other.total() == pytest.approx(0.08)


def test_the_last_cent_may_be_spent(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for _ in range(10):
        ledger.allow(0.1, 1.0)
    with pytest.raises(BudgetReached):
        ledger.allow(0.1, 1.0)
    with pytest.raises(BudgetReached):
        Ledger(tmp_path / "new").allow(0.01, 0.0)
    Ledger(tmp_path / "free").allow(0.0, 0.0)


def test_many_threads_never_pass_the_budget(tmp_path: Path) -> None:
    allowed = []

    def spend(ledger: Ledger) -> None:
        for _ in range(12):
            try:
                allowed.append(ledger.allow(0.05, 1.0))
            except BudgetReached:
                return

    threads = [threading.Thread(target=spend, args=[Ledger(tmp_path)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == len(set(allowed)) == 20
    assert Ledger(tmp_path).total() == pytest.approx(1.0)


def test_a_process_that_is_killed_has_spent_what_it_put_aside(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal; from builder.models.ledger import Ledger; "
        f"ledger = Ledger(pathlib.Path({str(tmp_path)!r})); "
        "ledger.keep('d', b'image', {'cost_usd': 0.04}); ledger.allow(0.05, None); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    after = Ledger(tmp_path)
    assert after.total() == pytest.approx(0.05)
    assert after.find("d") == (b"image", {"cost_usd": 0.04})
    after.allow(0.01, 0.07)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 200))
def test_a_torn_last_line_is_survived(tmp_path_factory: pytest.TempPathFactory, keep: int) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger = Ledger(folder)
    for _ in range(4):
        ledger.allow(0.01, None)
    data = (folder / SPENT).read_bytes()
    torn = data[: min(keep, len(data))]
    (folder / SPENT).write_bytes(torn)
    after = Ledger(folder)
    whole = torn.count(b"\n")
    assert after.total() == pytest.approx(0.01 * whole)
    ticket = after.allow(0.5, None)
    after.settle(ticket, 0.25)
    complete = 1 if torn and not torn.endswith(b"\n") and torn.endswith(b"}") else 0
    for reader in (after, Ledger(folder)):
        assert reader.total() == pytest.approx(0.01 * (whole + complete) + 0.25)


def test_an_image_without_the_end_of_its_writing_is_none(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.find("d") is None
    (tmp_path / "d.json").write_text("{}")
    assert ledger.find("d") is None
    ledger.keep("d", b"bytes", {"cost_usd": None})
    assert ledger.find("d") == (b"bytes", {"cost_usd": None})
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["d.json", "d.png"]


def test_the_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(BudgetReached(3.981, 4.0, 95)))
    assert str(error) == (
        "spent $3.98 of $4.00: the next image would pass --max-cost; 95 images are paid for and kept; "
        "raise --max-cost and run the same command to go on"
    )
    assert (error.spent, error.max_cost, error.images) == (3.981, 4.0, 95)


def test_prices_are_those_of_the_list() -> None:
    assert PRICES["gpt-image-1"].square == {"low": 0.011, "medium": 0.042, "high": 0.167}
    assert PRICES["gpt-image-1"].oblong == {"low": 0.016, "medium": 0.063, "high": 0.25}
    assert PRICES["dall-e-2"].before("512x512", "") == 0.018
    assert price_of("gpt-image-2.5-flare-2026-09-08") is PRICES["gpt-image-2.5-flare"]


@pytest.mark.parametrize("model", [model for model in PRICES if model != "dall-e-2"])
@pytest.mark.parametrize("quality", ["low", "medium", "high"])
def test_what_is_put_aside_covers_the_output_and_the_input(model: str, quality: str) -> None:
    price = PRICES[model]
    for size, of_size in (("1024x1024", price.square), ("1536x1024", price.oblong), ("1024x1536", price.oblong)):
        given = (200 * price.text_in + price.painting_tokens * price.image_in) / 1e6
        assert of_size[quality] + given <= price.before(size, quality) < of_size[quality] + given + 1.1e-4


def test_tokens_that_the_server_counted_are_what_is_paid() -> None:
    details = SimpleNamespace(text_tokens=100, image_tokens=1000)
    usage = SimpleNamespace(input_tokens_details=details, output_tokens=439)
    assert PRICES["gpt-image-2.5-flare"].after(usage) == pytest.approx((100 * 5 + 1000 * 8 + 439 * 30) / 1e6)
    assert PRICES["gpt-image-2.5-flare"].after(None) is None
    assert PRICES["gpt-image-2.5-flare"].after(SimpleNamespace(input_tokens_details=None, output_tokens=1)) is None
    assert PRICES["dall-e-2"].after(usage) is None


def test_the_account_is_lines_that_a_person_can_read(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.settle(ledger.allow(0.04, None), 0.03)
    lines = [json.loads(line) for line in (tmp_path / SPENT).read_text().splitlines()]
    assert [line["usd"] for line in lines] == [0.04, 0.03] and lines[0]["ticket"] == lines[1]["ticket"]
