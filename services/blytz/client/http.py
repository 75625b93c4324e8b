"""The HTTP calls of the command line and the simulation."""

import asyncio
import ssl
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import msgspec

from blytz.kit.user_error import UserError

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 10.0
MAX_REPEATED_READS = 2
MAX_WAIT_S = 1.0


class Unreachable(UserError):
    """Nothing answers at the address, or not in HTTP."""


class ApiFault(UserError):
    """The platform refused the call. `code` is that of the protocol, `fields` the whole problem+json."""

    def __init__(self, status: int, fields: dict[str, Any]) -> None:
        self.status = status
        self.code = str(fields.get("code", status))
        self.fields = fields
        super().__init__(str(fields.get("detail") or fields.get("title") or f"HTTP status {status}"))


class HttpClient:
    """The HTTP API behind one gateway address (protocol, section 3). Raises `Unreachable` and `ApiFault`."""

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Unreachable(f"{url} is not the address of a platform: give it like http://127.0.0.1:8000")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.token = token

    @property
    def live_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/live/v1"

    async def sign_in(self, name: str, *roles: str) -> str:
        """A dev token; only a platform that runs in dev gives one."""
        try:
            answer = await self.post("/auction/v1/dev/sign-in", {"name": name, "roles": list(roles)})
        except ApiFault as fault:
            if fault.status != 404:
                raise
            raise ApiFault(404, {"detail": f"{self.url} has no dev sign-in: give --token"}) from None
        return str(answer["token"])

    async def create(self, title: str, terms: dict[str, Any], **more: Any) -> dict[str, Any]:
        return await self.post("/auction/v1/auctions", {"title": title, "terms": terms, **more})

    async def auction(self, auction_id: str) -> dict[str, Any]:
        return await self.get(f"/auction/v1/auctions/{quote(auction_id, safe='')}")

    async def newest(self, status: str) -> dict[str, Any] | None:
        """The newest auction with this status."""
        return next(iter(await self.auctions(status=status, limit=1)), None)

    async def auctions(self, **query: Any) -> list[dict[str, Any]]:
        """One page, the newest first."""
        page = await self.get("/auction/v1/auctions", **query)
        auctions: list[dict[str, Any]] = page["auctions"]
        return auctions

    async def act(self, auction_id: str, verb: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """`pause`, `resume`, `cancel`, `close` or `extend`."""
        return await self.post(f"/auction/v1/auctions/{quote(auction_id, safe='')}/{verb}", body)

    async def show(self, show_id: str) -> dict[str, Any]:
        return await self.get(show_path(show_id))

    async def shows(self, **query: Any) -> list[dict[str, Any]]:
        """One page: live ones first, then the soonest, drafts, and those that are over."""
        page = await self.get("/auction/v1/shows", **query)
        shows: list[dict[str, Any]] = page["shows"]
        return shows

    async def live_show(self) -> dict[str, Any] | None:
        """The newest of those that are live or paused."""
        shows = await self.shows(status="live", limit=100) or await self.shows(status="paused", limit=100)
        return max(shows, key=lambda show: show["started_at"], default=None)

    async def lots(self, show_id: str) -> list[dict[str, Any]]:
        """All lots of a show, in queue order."""
        lots: list[dict[str, Any]] = []
        cursor: dict[str, Any] = {}
        while True:
            page = await self.get(show_path(show_id, "lots"), limit=100, **cursor)
            lots += page["lots"]
            if page["cursor"] is None:
                return lots
            cursor = {"cursor": page["cursor"]}

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Repeated where the platform cannot answer just now, as its 503 asks."""
        for _ in range(MAX_REPEATED_READS):
            try:
                return await self._call("GET", path, params=query)
            except ApiFault as fault:
                wait_ms = fault.fields.get("retry_after_ms")
                if fault.status != 503 or not isinstance(wait_ms, int):
                    raise
                await asyncio.sleep(min(wait_ms / 1_000, MAX_WAIT_S))
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return await self._call("POST", path, json=body)

    async def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._call("PUT", path, json=body)

    async def upload(self, image: bytes, media_type: str) -> str:
        """The address of the image, for the pictures of a show or lot."""
        answer = await self._call(
            "POST", "/auction/v1/images", content=image, headers={"Content-Type": media_type}
        )
        return str(answer["url"])

    async def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self._call_now, method, path, **request)

    def _call_now(
        self, method: str, path: str, headers: dict[str, str] | None = None, **request: Any
    ) -> dict[str, Any]:
        import httpx

        signed = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            response = self._http.request(method, path, headers=signed | (headers or {}), **request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"{self.url} does not answer ({error}): is `blytz up` running?") from error
        return _answer(response.status_code, response.content)

    @cached_property
    def _http(self) -> "httpx.Client":
        """Used by several threads. It keeps no connection open: calls are rare, and it need not be closed."""
        import httpx

        return httpx.Client(
            base_url=self.url,
            # The system's certificate authorities, and no proxy: the WebSocket beside it would not use one either.
            verify=ssl.create_default_context() if self.url.startswith("https") else False,
            trust_env=False,
            timeout=TIMEOUT_S,
            limits=httpx.Limits(max_keepalive_connections=0),
        )


def show_path(show_id: str, *rest: str) -> str:
    return "/".join(["/auction/v1/shows", *(quote(part, safe="") for part in (show_id, *rest))])


def lot_path(lot_id: str, verb: str) -> str:
    return f"/auction/v1/lots/{quote(lot_id, safe='')}/{verb}"


def _answer(status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body, type=dict[str, Any]) if body else {}
    except msgspec.MsgspecError:
        answer = {"detail": f"HTTP status {status} without a reason"}
        if status < 400:
            raise Unreachable("what answers there is not Blytz") from None
    if status >= 400:
        raise ApiFault(status, answer)
    return answer
