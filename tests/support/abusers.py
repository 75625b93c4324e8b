"""A process of users who bid far more often than their limit, over WebSocket and HTTP, and count the answers.

`python -m tests.support.abusers` reads one JSON line of `Orders` from stdin, and then one command per line: `go`,
`rest` and `end`. On `end` it prints the number of answers by outcome or code.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from tests.support.live_client import Client, Closed

TICK_S: Final = 0.04
MAX_TICK_S: Final = 0.5
"""No more time than this is caught up, because the gateway limits the messages of one connection."""


class Orders(Struct):
    port: int
    """The gateway's."""
    auction_id: str
    live_tokens: list[str]
    http_tokens: list[str]
    bids_a_second: float
    """Per user."""


class Abusers:
    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.outcomes: Counter[str] = Counter()
        self.going = asyncio.Event()
        self._number = 0

    def bid(self, **more: str) -> dict[str, Any]:
        self._number += 1
        return {"bid_id": f"a{self._number}", "amount": 1, **more}

    async def over_live(self, token: str) -> None:
        """Reconnects at once after each disconnect."""
        while True:
            client = await Client.open(self.orders.port)
            try:
                await client.sign_in(token)
                self.outcomes["connections"] += 1
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._count_answers(client))
                    tasks.create_task(self._send_bids(client.send))
            except* (Closed, ConnectionError):
                self.outcomes["disconnected"] += 1
            finally:
                client.leave()

    async def _count_answers(self, client: Client) -> None:
        while True:
            message = await client.next(within_s=120)
            if message["type"] == "bid_result":
                self.outcomes[message["code"] or message["outcome"]] += 1

    async def _send_bids(self, send: Callable[[dict[str, Any]], None]) -> None:
        due = 0.0
        async for seconds in self._ticks():
            due += self.orders.bids_a_second * seconds
            while due >= 1:
                due -= 1
                self.outcomes["sent"] += 1
                send(self.bid(type="bid", auction_id=self.orders.auction_id))

    async def _ticks(self) -> AsyncIterator[float]:
        """At each tick the seconds since the last one, which may be long on a busy machine."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            if not self.going.is_set():
                await self.going.wait()
                last = loop.time()
                # The users are independent, so their ticks are spread.
                await asyncio.sleep(random.uniform(0, TICK_S))
            now = loop.time()
            yield min(now - last, MAX_TICK_S)
            last = now
            await asyncio.sleep(TICK_S)

    async def over_http(self, token: str) -> None:
        """Pipelines many requests on one connection."""
        port = self.orders.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        path = f"/auction/v1/auctions/{self.orders.auction_id}/bids"

        def send(bid: dict[str, Any]) -> None:
            body = msgspec.json.encode({key: bid[key] for key in ("bid_id", "amount")})
            head = "\r\n".join(
                (
                    f"POST {path} HTTP/1.1",
                    f"Host: 127.0.0.1:{port}",
                    f"Authorization: Bearer {token}",
                    f"Content-Length: {len(body)}",
                )
            )
            writer.write(head.encode() + b"\r\n\r\n" + body)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_bids(send))
            tasks.create_task(self._count_http_answers(reader))

    async def _count_http_answers(self, reader: asyncio.StreamReader) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            size = int(head.partition("content-length:")[2].partition("\r\n")[0])
            self.outcomes[msgspec.json.decode(await reader.readexactly(size)).get("code", "accepted")] += 1


async def main() -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    abusers = Abusers(msgspec.json.decode(await lines.readline(), type=Orders))
    tasks = [asyncio.create_task(abusers.over_live(token)) for token in abusers.orders.live_tokens]
    tasks += [asyncio.create_task(abusers.over_http(token)) for token in abusers.orders.http_tokens]
    while (command := (await lines.readline()).strip()) in {b"go", b"rest"}:
        abusers.going.set() if command == b"go" else abusers.going.clear()
    for task in tasks:
        # Raises the error of a task that failed.
        if task.done():
            task.result()
        task.cancel()
    print(json.dumps(abusers.outcomes))


if __name__ == "__main__":
    asyncio.run(main())
