"""A client of the HTTP service, with a token for each call."""

from pathlib import Path
from typing import Any, Self

import httpx

from blytz.identity import Role
from blytz.identity.dev import DevIssuer
from tests.support.services import Service

ANSWERED_WITHIN_S = 10.0


class Api:
    """Calls one `blytz serve auction`, through `url` if there is a gateway. A body is JSON text, or a value to
    be encoded."""

    def __init__(self, service: Service, folder: Path, url: str = "") -> None:
        self.service = service
        self.folder = folder
        self.issuer = DevIssuer(folder)
        # Without a limit, because the pool closes surplus connections while other threads still read from them.
        unlimited = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self.http = httpx.Client(
            base_url=url or f"http://127.0.0.1:{service.port}", timeout=ANSWERED_WITHIN_S, limits=unlimited
        )
        self._bids = 0

    def token(self, name: str, *roles: Role, lasts_s: int = 3_600) -> str:
        return self.issuer.issue(name, roles or ("bidder",), lasts_s)

    def get(self, path: str, by: str | None = None, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params, headers=_headers(by))

    def post(self, path: str, body: Any = None, by: str | None = None, **headers: str) -> httpx.Response:
        """Header names have `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = {"content": body} if isinstance(body, str | bytes) or body is None else {"json": body}
        return self.http.post(path, headers=_headers(by) | named, **content)

    def create(self, by: str, **terms: Any) -> str:
        """Creates an open auction and returns its id."""
        created = self.post("/v1/auctions", {"title": "A thing", "terms": terms}, by=by)
        assert created.status_code == 201, created.text
        return str(created.json()["auction_id"])

    def bid(self, auction_id: str, amount: int, by: str, kind: str = "exact", bid_id: str = "") -> httpx.Response:
        self._bids += 1
        body = {"bid_id": bid_id or f"b{self._bids}", "amount": amount, "kind": kind}
        return self.post(f"/v1/auctions/{auction_id}/bids", body, by=by)

    def state(self, auction_id: str, by: str | None = None) -> dict[str, Any]:
        answer = self.get(f"/v1/auctions/{auction_id}", by=by)
        assert answer.status_code == 200, answer.text
        state: dict[str, Any] = answer.json()
        return state

    def close(self) -> None:
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _headers(by: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {by}"} if by is not None else {}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Checks that the answer is this problem, and returns its body."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body["status"] == status
    assert body["type"] == f"urn:blytz:problem:{code}"
    assert body["title"]
    assert body["detail"]
    return body


def wrong_fields(answer: httpx.Response) -> list[str]:
    """The paths of the faults in a 422."""
    return [error["path"] for error in problem(answer, 422, "invalid_request")["errors"]]
