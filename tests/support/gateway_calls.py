"""Calls of the auction service through the gateway of a platform."""

import httpx

from tests.support.platform import Platform

WITHIN_S = 10.0


class Calls:
    """Each call uses the given token, valid or not."""

    def __init__(self, platform: Platform) -> None:
        self.client = httpx.Client(base_url=f"{platform.url}/auction/v1", timeout=WITHIN_S)

    def get(self, path: str, token: str) -> httpx.Response:
        return self.client.get(path, headers=bearer(token))

    def from_page(self, origin: str) -> httpx.Response:
        return self.client.get("/auctions", headers={"origin": origin})

    def put(self, path: str, token: str, **body: str) -> httpx.Response:
        return self.client.put(path, json=body, headers=bearer(token))

    def delete(self, path: str, token: str) -> httpx.Response:
        return self.client.delete(path, headers=bearer(token))


def bearer(token: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {token}".encode("latin-1")}
