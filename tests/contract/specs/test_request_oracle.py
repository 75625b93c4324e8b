"""request_oracle.py decides from the bytes of a request whether a document allows it."""

import json

import pytest

from tests.contract.specs.request_oracle import Contract, fault_of
from tests.support.specs import document

DOCUMENT = document("openapi/auction.yaml")
BAN, LIST, BID = "/v1/admin/bans/{user_id}", "/v1/auctions", "/v1/auctions/{auction_id}/bids"
GATEWAY = "http://127.0.0.1:1/auction"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(DOCUMENT)


@pytest.mark.parametrize(
    ("user_id", "allowed"),
    [
        ("usr_1", True),
        ("%40n", True),
        ("BJ%25FE", True),
        ("BJ%FE", False),  # not text
        ("BJ%EF%BF%BD", False),
        ("a%0A", False),
        ("a%20b", False),
        ("", False),
        ("a" * 129, False),
    ],
)
def test_a_path_is_checked_as_it_was_sent(contract: Contract, user_id: str, allowed: bool) -> None:
    operation = DOCUMENT["paths"][BAN]["get"]
    assert contract.allows(operation, BAN, f"{GATEWAY}/v1/admin/bans/{user_id}", b"") is allowed


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("", True),
        ("limit=1&cursor=0&status=open", True),
        ("limit=100.0", False),
        ("what=1", False),
        ("limit=0", False),
        ("limit=101", False),
        ("limit=", False),
        ("limit=01", False),
        ("status=lost", False),
        ("cursor=%FE", False),
        ("limit=1&limit=2", True),
        ("limit=0&limit=101", False),
        ("limit=0&limit=1", None),
        ("limit=0&limit=1&status=lost", False),
    ],
)
def test_a_query_value_is_checked_in_every_type_its_text_can_mean(
    contract: Contract, query: str, allowed: bool | None
) -> None:
    operation = DOCUMENT["paths"][LIST]["get"]
    assert contract.allows(operation, LIST, f"{GATEWAY}/v1/auctions?{query}", b"") is allowed


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        (b'{"bid_id":"b","amount":1}', True),
        (b'{"bid_id":"b","amount":1.0}', False),
        (b'{"bid_id":"b","amount":1e1}', False),
        (b'{"bid_id":"b","amount":0}', False),
        (b'{"bid_id":"b\\n","amount":1}', False),
        (b'{"bid_id":"b","amount":1,"more":1}', False),
        (b"\xfe", False),
        (b"", False),
    ],
)
def test_a_body_is_checked_by_its_json_value(contract: Contract, body: bytes, allowed: bool) -> None:
    operation = DOCUMENT["paths"][BID]["post"]
    assert contract.allows(operation, BID, f"{GATEWAY}/v1/auctions/a/bids", body) is allowed


def _fault(path: str, detail: str) -> bytes:
    return json.dumps({"errors": [{"path": path, "detail": detail}]}).encode()


@pytest.mark.parametrize(
    ("operation_id", "allowed", "status", "body", "fits"),
    [
        ("placeBid", True, 201, b"", True),
        ("placeBid", True, 404, b"", True),
        ("placeBid", True, 409, b"", True),
        ("placeBid", True, 422, _fault("amount", "Expected `int` >= 1"), False),
        ("placeBid", True, 422, b"{}", False),
        ("placeBid", True, 413, b"", False),
        ("createAuction", True, 422, _fault("terms.buy_now_price", "must be above start_price"), True),
        ("createAuction", True, 422, _fault("title", "must be above start_price"), False),
        ("createAuction", True, 422, _fault("starts_at", "is not known"), False),
        ("placeBid", False, 422, b"", True),
        ("placeBid", False, 201, b"", False),
        ("placeBid", False, 409, b"", False),
        ("placeBid", False, 500, b"", False),
        ("listAuctions", None, 200, b"", True),
        ("listAuctions", None, 422, b"{}", True),
    ],
)
def test_an_allowed_request_may_not_be_called_malformed_and_another_may_not_succeed(
    operation_id: str, allowed: bool | None, status: int, body: bytes, fits: bool
) -> None:
    assert (fault_of(operation_id, allowed, status, body) is None) is fits
