"""The HTTP calls that prepare a round on the whole platform: sign in, open an auction."""

import json
import urllib.request
from typing import Any

ONE_HOUR_MS = 60 * 60 * 1000


def sign_in(url: str, name: str, roles: list[str]) -> str:
    return str(_post(f"{url}/auction/v1/dev/sign-in", {"name": name, "roles": roles})["token"])


def open_auction(url: str, token: str) -> str:
    terms = {"duration_ms": ONE_HOUR_MS}
    return str(_post(f"{url}/auction/v1/auctions", {"title": "Bench", "terms": terms}, token)["auction_id"])


def _post(url: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - loopback, http
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        decoded: dict[str, Any] = json.load(answer)
    return decoded
