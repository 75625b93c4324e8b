"""An issuer that serves its keys over HTTP, and a clock set by the test."""

import time
from collections.abc import Iterator

import pytest

from tests.support.issuer import FakeIssuer, SigningKey


class ManualClock:
    """A clock that changes only when the test sets it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return 1_000_000.0 + self.ahead

    def wall(self) -> float:
        return time.time() + self.ahead


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey("first")


@pytest.fixture(scope="session")
def other_key() -> SigningKey:
    return SigningKey("second")


@pytest.fixture
def issuer(key: SigningKey) -> Iterator[FakeIssuer]:
    with FakeIssuer(key) as issuer:
        yield issuer


@pytest.fixture
def manual_clock() -> ManualClock:
    return ManualClock()
