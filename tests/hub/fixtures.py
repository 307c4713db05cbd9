"""The fixture that other tests use; the conftest of all tests imports it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hub import Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A running Hub without repositories, with an empty cache: run clients as subprocesses with ``env=hub.env``."""
    with Hub() as running:
        yield running
