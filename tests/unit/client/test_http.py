"""The HTTP client against a server whose answers the test controls."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from blytz.client.http import MAX_REPEATED_READS, ApiFault, HttpClient
from blytz.kit.problems import NotDurable


class Server(HTTPServer):
    failures = 0
    """Requests that are still to be answered with 503."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.failures -= 1
        is_failure = self.server.failures >= 0
        self.send_response(503 if is_failure else 200)
        self.end_headers()
        self.wfile.write(NotDurable(retry_after_ms=1).body() if is_failure else b'{"auctions":[]}')

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_read_is_repeated_while_the_platform_cannot_answer_just_now(server: Server) -> None:
    client = HttpClient(f"http://127.0.0.1:{server.server_port}")

    server.failures = MAX_REPEATED_READS
    assert await client.newest("open") is None

    server.failures = MAX_REPEATED_READS + 1
    with pytest.raises(ApiFault, match="on disk"):
        await client.newest("open")


async def test_a_write_is_not_repeated_by_itself(server: Server) -> None:
    server.failures = 1
    with pytest.raises(ApiFault, match="on disk"):
        await HttpClient(f"http://127.0.0.1:{server.server_port}").create("A thing", {})
