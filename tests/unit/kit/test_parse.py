"""The parser reports every fault of a value with its path."""

from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct

from blytz.kit.http.parse import Parser
from blytz.kit.problems import InvalidRequest

Small = Annotated[int, Meta(ge=1, le=9)]


class Inner(Struct, forbid_unknown_fields=True):
    small: Small
    rows: tuple[tuple[int, Small], ...] = ()


class Outer(Struct, forbid_unknown_fields=True):
    inner: Inner
    maybe: Inner | None = None
    many: list[Inner] = []
    either: int | str = 0
    named: dict[str, Small] = {}


class Lenient(Struct):
    small: Small


def faults(raw: str | bytes, parser: Parser[Any]) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        parser(raw.encode() if isinstance(raw, str) else raw)
    return [error["path"] for error in refused.value.fields["errors"]]


read = Parser(Outer)


def test_a_valid_value_is_parsed() -> None:
    assert read(b'{"inner": {"small": 5, "rows": [[0, 1]]}, "maybe": null}').inner.rows == ((0, 1),)
    assert Parser(Lenient)(b'{"small": 1, "more": 2}').small == 1


@pytest.mark.parametrize(
    ("raw", "paths"),
    [
        ("{}", ["inner"]),
        ('{"inner": 5}', ["inner"]),
        ('{"inner": {}}', ["inner.small"]),
        ('{"inner": {"small": 0, "x": 1}, "y": 2}', ["inner.small", "inner.x", "y"]),
        ('{"inner": {"small": 1}, "maybe": {"small": 10}}', ["maybe.small"]),
        ('{"inner": {"small": 1}, "maybe": []}', ["maybe"]),
        (
            '{"inner": {"small": 1}, "many": [{"small": 1}, {"small": 0}, 7, {}]}',
            ["many[1].small", "many[2]", "many[3].small"],
        ),
        (
            '{"inner": {"small": 1, "rows": [[1, 0], [1.5, 1], [1]]}}',
            ["inner.rows[0][1]", "inner.rows[1][0]", "inner.rows[2]"],
        ),
        ('{"inner": {"small": 1}, "either": []}', ["either"]),
        ('{"inner": {"small": 1}, "named": {"a": 1, "b": 10}}', ["named[...]"]),
        ("[]", [""]),
        ("nonsense", [""]),
        ('{"inner": {"small": 1}} {}', [""]),
        ('{"inner": {"small": 1e999}}', ["inner.small"]),
        ('{"inner": "\\ud800"}', [""]),
        (b'{"inner": "\xff"}', [""]),
        ("[" * 50_000, [""]),
    ],
)
def test_each_fault_is_reported_with_its_path(raw: str | bytes, paths: list[str]) -> None:
    assert faults(raw, read) == paths


def test_checks_between_fields_see_only_valid_fields() -> None:
    parser = Parser(
        Outer, inner=lambda inner: [("small", "is odd"), ("", "as a whole")] if inner.small % 2 else []
    )
    assert faults('{"inner": {"small": 3}}', parser) == ["inner.small", "inner"]
    assert faults('{"inner": {"small": 3}, "x": 1}', parser) == ["x", "inner.small", "inner"]
    assert faults('{"inner": {"small": 0}}', parser) == ["inner.small"]
    assert parser(b'{"inner": {"small": 2}}').inner.small == 2


def test_the_detail_has_the_first_three_faults_and_the_number_of_the_others() -> None:
    with pytest.raises(InvalidRequest, match=r"^inner: is missing; a: .*; b: .*; and 2 more$"):
        read(b'{"a": 1, "b": 2, "c": 3, "d": 4}')


def test_a_long_name_is_truncated() -> None:
    (_, path) = faults('{"%s": 1}' % ("n" * 10_000), read)
    assert len(path) == 64
