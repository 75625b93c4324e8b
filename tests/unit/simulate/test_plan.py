"""The size of a simulation is bounded, and a refusal states the bound."""

from typing import Any

import pytest

from blytz.kit.user_error import UserError
from blytz.simulate.plan import Plan, addresses, check

URL = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"bidders": 0}, "--bidders must be 1 to 2000"),
        ({"viewers": -1}, "--viewers must be 0 to 50000"),
        ({"viewers": 50_001}, "--viewers must be 0 to 50000"),
        ({"rate": 0}, "--rate must be above 0 and at most 5000"),
        ({"seconds": 3_601}, "--seconds must be above 0 and at most 3600"),
        ({"bidders": 4, "rate": 200}, "200 bids a second need 25 bidders"),
    ],
)
def test_a_plan_out_of_bounds_is_refused(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        check(Plan(url=URL, **asked), 100_000)


def test_a_plan_of_the_largest_documented_size_is_within_bounds() -> None:
    check(Plan(url=URL, bidders=50, viewers=1_000, rate=200, seconds=60), 1_500)


def test_too_few_open_files_are_reported_before_any_is_opened() -> None:
    with pytest.raises(UserError, match=r"only 256 open files are allowed here: raise `ulimit -n`"):
        check(Plan(url=URL, viewers=1_000), 256)


def test_a_few_viewers_use_one_address() -> None:
    assert set(addresses(Plan(url=URL, viewers=20_000))) == {None}


def test_many_viewers_use_several_loopback_addresses() -> None:
    found = list(addresses(Plan(url=URL, viewers=45_000)))
    assert [found[0], found[19_999], found[20_000], found[-1]] == [
        "127.0.0.2",
        "127.0.0.2",
        "127.0.0.3",
        "127.0.0.4",
    ]
    assert set(addresses(Plan(url="https://blytz.example", viewers=45_000))) == {None}
