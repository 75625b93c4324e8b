"""How the documentation of a call describes its problems, and the problems that calls of every service have."""

from typing import Final

from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from msgspec import UNSET, Struct, UnsetType

from blytz.kit.problems import (
    CONTENT_TYPE,
    RETRY_READ,
    RETRY_WRITE,
    InvalidRequest,
    NotDurable,
    Overloaded,
    Problem,
    StoreUnavailable,
    TooLarge,
    advised,
)

Responses = dict[int, ResponseSpec]


class Fault(Struct):
    path: str
    detail: str


class ProblemBody(Struct):
    """RFC 9457. `code` is what a program acts on, `detail` what a person reads."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    minimum: int | UnsetType = UNSET
    left: int | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET
    errors: list[Fault] | UnsetType = UNSET


def documented(*problems: Problem) -> Responses:
    """For `responses=`: the problems that a call may answer with, each as an example of its status."""
    by_status: dict[int, list[Problem]] = {}
    for problem in problems:
        by_status.setdefault(problem.status, []).append(problem)
    return {status: _documented(group) for status, group in by_status.items()}


def _documented(group: list[Problem]) -> ResponseSpec:
    return ResponseSpec(
        ProblemBody,
        generate_examples=False,
        description=" or ".join(sorted({f"`{problem.code}`" for problem in group})),
        media_type=CONTENT_TYPE,
        examples=[Example(id=problem.code, summary=problem.detail, value=problem.content()) for problem in group],
    )


def malformed(path: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"{path}: {why}", errors=[{"path": path, "detail": why}])


def malformed_body(path: str, why: str) -> tuple[Problem, ...]:
    return malformed(path, why), TooLarge()


def write_failed(advice: str) -> tuple[Problem, ...]:
    return Overloaded(), advised(StoreUnavailable(), advice), advised(NotDurable(), advice)


WRITE_FAILED: Final = write_failed(RETRY_WRITE)
SQL_WRITE_FAILED: Final = (Overloaded(), advised(StoreUnavailable(), RETRY_WRITE))
"""Of a call without an Idempotency-Key, which writes to a database only: it is never `pending`."""
READ_FAILED: Final = (Overloaded(), advised(StoreUnavailable(), RETRY_READ))
