"""Blytz's rules for contracts: the real documents follow them, and each kind of fault is found."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from infra.specs import documents
from infra.specs.lint import findings

Document = dict[str, Any]
Change = Callable[[Document], object]

MADE = documents.from_code()
WHOLE, LIVE = MADE["openapi/auction.yaml"], MADE[documents.ASYNCAPI]
# A part of the document, because every fault is looked for in all of it.
HTTP = {
    **WHOLE,
    "paths": {path: item for path, item in WHOLE["paths"].items() if path.startswith("/v1/auctions/")},
}


def _bid(document: Document) -> Document:
    operation: Document = document["paths"]["/v1/auctions/{auction_id}/bids"]["post"]
    return operation


def _good(document: Document) -> Document:
    media: Document = _bid(document)["responses"]["201"]["content"]["application/json"]
    return media


def _as_plain_json(document: Document) -> None:
    content = _bid(document)["responses"]["409"]["content"]
    content["application/json"] = content.pop("application/problem+json")


HTTP_FAULTS: dict[str, tuple[Change, str]] = {
    "not OpenAPI": (lambda it: it["info"].pop("title"), "OpenAPI 3.1"),
    "no operationId": (lambda it: _bid(it).pop("operationId"), "an operationId in camelCase is missing"),
    "one operationId twice": (
        lambda it: _bid(it).update(operationId="getAuction"),
        "Operation ID 'getAuction' for 'post' in '/v1/auctions/{auction_id}/bids' is not unique",
    ),
    "no summary": (lambda it: _bid(it).pop("summary"), "summary is missing"),
    "no tags": (lambda it: _bid(it).pop("tags"), "tags is missing"),
    "an error in another form": (_as_plain_json, "an error is answered as application/problem+json"),
    "an answer without an example": (lambda it: _good(it).pop("examples"), "has no example"),
    "an example unlike its schema": (
        lambda it: _good(it)["examples"]["leads"]["value"].pop("seq"),
        "example 'leads'",
    ),
    "a pattern with a lookaround": (
        lambda it: it["components"]["schemas"]["NewBid"]["properties"]["bid_id"].update(pattern="^a(?!b)"),
        "the pattern ^a(?!b) looks around",
    ),
    "an answer that refuses fields": (
        lambda it: it["components"]["schemas"]["Receipt"].update(additionalProperties=False),
        "schema Receipt belongs to an answer and refuses unknown fields",
    ),
    "an unused schema": (lambda it: it["components"]["schemas"].update(More={}), "schemas/More is not used"),
    "a reference to nothing": (
        lambda it: _good(it)["schema"].update({"$ref": "#/components/schemas/No"}),
        "nothing",
    ),
}
LIVE_FAULTS: dict[str, tuple[Change, str]] = {
    "no example": (lambda it: it["components"]["messages"]["bid"].update(examples=[]), "message bid has no exam"),
    "an example unlike its schema": (
        lambda it: it["components"]["messages"]["bid"]["examples"][0]["payload"].update(amount="7"),
        "message bid, example 1",
    ),
    "an invalid schema": (
        lambda it: it["components"]["schemas"]["Ping"].update(required="ref"),
        "schema Ping is not JSON Schema",
    ),
    "a pattern with a lookaround": (
        lambda it: it["components"]["schemas"]["PlaceBid"]["properties"]["bid_id"].update(pattern="(?<=a)b"),
        "the pattern (?<=a)b looks around",
    ),
    "an answer that refuses fields": (
        lambda it: it["components"]["schemas"]["TermsView"].update(additionalProperties=False),
        "schema TermsView belongs to an answer and refuses unknown fields",
    ),
    "a message that nobody sends": (
        lambda it: it["operations"].pop("sendViewers"),
        "message viewers is in no oper",
    ),
    "an unused message": (
        lambda it: it["components"]["messages"].update(more=it["components"]["messages"]["ping"]),
        "messages/more is not used",
    ),
}


@pytest.mark.parametrize("path", MADE)
def test_the_documents_follow_the_rules(path: str) -> None:
    assert list(findings(MADE[path])) == []


@pytest.mark.parametrize("name", HTTP_FAULTS)
def test_a_fault_of_an_http_contract_is_found(name: str) -> None:
    _is_found(HTTP, *HTTP_FAULTS[name])


@pytest.mark.parametrize("name", LIVE_FAULTS)
def test_a_fault_of_the_live_contract_is_found(name: str) -> None:
    _is_found(LIVE, *LIVE_FAULTS[name])


def _is_found(document: Document, change: Change, texts: str) -> None:
    broken = copy.deepcopy(document)
    change(broken)
    found = list(findings(broken))
    assert any(texts in finding for finding in found), found


def test_the_generated_documents_are_deterministic() -> None:
    again = documents.from_code()
    assert documents.texts(again) == documents.texts(MADE)
