"""Whether a request that schemathesis made up keeps to the document, read from what went over the wire.

schemathesis says so itself, from what it meant to send, and is wrong where the wire says less or something else:
it takes `%FE` in a made-up path for an escape and sends the mark for unreadable text instead, a number in a query
is text, a header that the test adds mends one that was meant to be missing. So each request is read back and held
against the document here, and then every one counts: what the document allows is never called malformed, and what
it does not allow is never done.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

import jsonschema_rs
import schemathesis
from schemathesis.checks import positive_data_acceptance
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import negative_data_rejection

Document = dict[str, Any]

CALLED_MALFORMED: Final = {400, 405, 413, 414, 415, 422, 431}
NOT_DONE: Final = {400, 401, 403, 404, 413, 414, 422, 429, 431}
BEYOND_A_SCHEMA: Final = {
    "createAuction": {
        "starts_at": "must not be more than a",
        "terms.increments": "row",
        "terms.buy_now_price": "must be above start_price",
        "terms.max_total_ms": "must not be shorter than duration_ms",
    },
    "revokeTokens": {"before": "is still to come"},
}
"""What a request may be refused for although its schema allows it, by operation and field: how fields stand to
each other, and to the clock."""
NO_HEADERS: Final[Mapping[str, Any]] = MappingProxyType({})
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")


class Contract:
    """One document. `tried` counts the requests that it allowed, and those that it did not."""

    def __init__(self, document: Document) -> None:
        self._components = document.get("components", {})
        self._validators: dict[int, jsonschema_rs.Draft202012Validator] = {}
        self.tried: Counter[bool | None] = Counter()

    def hold(self, case: schemathesis.Case[Any], answer: Response, *not_asked: Any) -> None:
        """Every check of schemathesis but those `not_asked`, and the two that are made here."""
        case.validate_response(
            answer, excluded_checks=[positive_data_acceptance, negative_data_rejection, *not_asked]
        )
        if case.method.upper() != case.operation.method.upper():
            return
        request, operation = answer.request, case.operation.definition.raw
        sent = (str(request.url), _sent(request.body), request.headers)
        allowed = self.allows(operation, case.operation.path, *sent)
        self.tried[allowed] += 1
        wrong = objection(operation["operationId"], allowed, answer.status_code, answer.content)
        assert wrong is None, f"{request.method} {request.url}: {wrong}\n{answer.text}"

    def allows(
        self, operation: Document, route: str, url: str, body: str | bytes, headers: Mapping[str, Any] = NO_HEADERS
    ) -> bool | None:
        """None where nobody can say: a parameter was sent twice, once as it should be and once not."""
        parts = [
            *self._body(operation, body),
            *self._path(operation, route, urlsplit(url).path),
            *self._query(operation, urlsplit(url).query),
            *self._headers(operation, headers),
        ]
        return None if None in parts and False not in parts else all(parts)

    def _body(self, operation: Document, body: str | bytes) -> Iterator[bool]:
        if "requestBody" not in operation:
            return
        try:
            # To a schema 1.0 is an integer. To the protocol it never is, so no float may look like one here.
            value = json.loads(body, parse_float=lambda _: 0.5, parse_constant=lambda _: 0.5)
        except ValueError:
            yield False
        else:
            yield self._fits(operation["requestBody"]["content"]["application/json"]["schema"], value)

    def _path(self, operation: Document, route: str, path: str) -> Iterator[bool]:
        found = re.search(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]*)", route) + r"\Z", path)
        for name, schema in _parameters(operation, "path"):
            try:
                text = unquote_to_bytes(found[name]).decode() if found else ""
            except UnicodeDecodeError:
                yield False
            else:
                yield self._fits(schema, text)

    def _query(self, operation: Document, query: str) -> Iterator[bool | None]:
        sent = parse_qsl(query, keep_blank_values=True)
        # No document can say that there are no other parameters; the protocol does (section 1).
        known = {name for name, _ in _parameters(operation, "query")}
        yield "operator" in operation.get("tags", ()) or known.issuperset(name for name, _ in sent)
        for name, schema in _parameters(operation, "query"):
            fit = {
                any(self._fits(schema, value) for value in _readings(text)) for key, text in sent if key == name
            }
            yield None if len(fit) == 2 else all(fit)

    def _headers(self, operation: Document, headers: Mapping[str, Any]) -> Iterator[bool]:
        for name, schema in _parameters(operation, "header"):
            if name in headers:
                value = headers[name]
                yield self._fits(schema, value.decode("latin-1") if isinstance(value, bytes) else value)

    def _fits(self, schema: Document, value: Any) -> bool:
        # A schema is a part of the document, which is there for as long as this is.
        if id(schema) not in self._validators:
            whole = schema | {"components": self._components}
            self._validators[id(schema)] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[id(schema)].is_valid(value)


def _parameters(operation: Document, place: str) -> Iterator[tuple[str, Document]]:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == place:
            yield parameter["name"], parameter["schema"]


def _sent(body: Any) -> str | bytes:
    return body if isinstance(body, str | bytes) else b""


def _readings(text: str) -> Iterator[Any]:
    """What a text in a query may stand for."""
    yield text
    if _INTEGER.fullmatch(text):
        yield int(text)
    elif text.lower() == "null":
        yield None


def objection(operation_id: str, allowed: bool | None, status: int, body: bytes) -> str | None:
    """What is wrong with answering like this a request that the document allows, or does not."""
    if allowed and status == 422:
        beyond = BEYOND_A_SCHEMA.get(operation_id, {})
        reply = json.loads(body).get("errors") or [{"path": "", "detail": "nothing was named"}]
        unheard = [one for one in reply if beyond.get(one["path"], "never so") not in one["detail"]]
        return f"the document allows this, the service does not: {unheard}" if unheard else None
    if allowed and status in CALLED_MALFORMED:
        return f"the document allows this, the answer is {status}"
    if allowed is False and status not in NOT_DONE:
        return f"the document does not allow this, the answer is {status}"
    return None
