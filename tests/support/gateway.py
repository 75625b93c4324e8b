"""The gateway as an operator runs it: `blytz gateway`, on its own ports and folder, in front of real services."""

import asyncio
import contextlib
import http.client
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Self

import httpx

from blytz.kit.config.gateway import gateway_variable
from infra.ports import free_port
from tests.support.live_client import WITHIN_S, Client, handshake
from tests.support.platform import Platform, blytz, clean_env
from tests.support.wait import wait_until

READY_WITHIN_S = 10.0
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For plain http: reading the authorities of the system takes longer than a request, and limits would recover."""
DOMAIN = "auctions.localhost"


def gateway_env(**settings: object) -> dict[str, str]:
    return clean_env(**{gateway_variable(name): str(value) for name, value in settings.items()})


def check(data: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    """`blytz gateway --check`: the result of nginx for this configuration."""
    words = blytz("gateway", "--data", str(data), "--check")
    return subprocess.run(words, env=gateway_env(**settings), capture_output=True, text=True, check=False)


class Gateway:
    """Ready when the constructor returns. `settings` are BLYTZ_GATEWAY_*; with `domains` it speaks TLS. Without a
    `platform` they name the services too."""

    def __init__(self, data: Path, platform: Platform | None = None, **settings: object) -> None:
        self.data, self.folder = data, data / "gateway"
        self.http_port, self.https_port = free_port(), free_port()
        self._log = data.parent / f"{data.name}.log"
        ports = {"http_port": self.http_port, "https_port": self.https_port}
        services = {name: f"127.0.0.1:{platform.ports[name]}" for name in ("auction", "live")} if platform else {}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                blytz("gateway", "--data", str(data)),
                env=gateway_env(**{**ports, **services, **settings}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(self._answers, "the gateway answers", READY_WITHIN_S)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def https_url(self) -> str:
        return f"https://{DOMAIN}:{self.https_port}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        """GET over plain http; header names have `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.get(self.url + path, headers=named, timeout=WITHIN_S, verify=NO_AUTHORITIES)

    def get_https(self, path: str, method: str = "GET") -> httpx.Response:
        """A request over TLS by the domain, without DNS; the certificate is not verified."""
        with httpx.Client(verify=trusting_all(), timeout=WITHIN_S) as client:
            return client.request(
                method,
                f"https://127.0.0.1:{self.https_port}{path}",
                headers={"Host": f"{DOMAIN}:{self.https_port}"},
                extensions={"sni_hostname": DOMAIN},
            )

    async def open_socket(self, context: ssl.SSLContext | None = None) -> Client:
        """A WebSocket over TLS, before its `welcome`."""
        streams = await asyncio.open_connection(
            "127.0.0.1",
            self.https_port,
            ssl=context or trusting_all(),
            server_hostname=DOMAIN,
            limit=2**20,
        )
        client = Client(*streams)
        client.writer.write(handshake(self.https_port, Host=f"{DOMAIN}:{self.https_port}"))
        client.head = (await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), WITHIN_S)).decode()
        assert " 101 " in client.head.split("\r\n", maxsplit=1)[0], client.head
        return client

    def certificate(self) -> str:
        """The certificate that the gateway serves now, as PEM."""
        return ssl_certificate(self.https_port)

    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in children.split()}

    def wait_until_replaced(self, workers: set[int]) -> None:
        """Waits until none of these workers accepts connections. For 0.1 s after a reload old and new ones do."""

        def is_taking(pid: int) -> bool:
            try:
                title = Path(f"/proc/{pid}/cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                return False
            return bool(title) and b"shutting down" not in title

        wait_until(lambda: not any(map(is_taking, workers)), "the old workers accept no connections", 10.0)

    def reload(self) -> None:
        """Returns when processes of the new configuration are at work."""
        before = self.workers()
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: bool(self.workers() - before), "nginx has read its configuration again")

    def logs(self) -> str:
        """Everything that the gateway wrote to any file, except its pages, which are links."""
        files = [self._log, *(path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())]
        return "\n".join(path.read_text(errors="replace") for path in files)

    def log_line(self, request_id: str) -> str:
        """Waits for the access log line of a request, which may take a second."""
        log = self.folder / "access.log"

        def found() -> list[str]:
            return [line for line in log.read_text().splitlines() if request_id in line]

        wait_until(lambda: bool(found()), f"the request {request_id} is in the log")
        [line] = found()
        return line

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(READY_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"blytz gateway ended:\n{self._log.read_text()}")
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=2.0)
        try:
            connection.request("GET", "/.well-known/acme-challenge/none")
            return connection.getresponse().status == 404
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


async def abort(*clients: Client) -> None:
    """Aborts the connection without a TLS shutdown, and waits until it is closed."""
    for client in clients:
        client.writer.transport.abort()
        with contextlib.suppress(OSError):
            await client.writer.wait_closed()


def trusting_all() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ssl_certificate(port: int) -> str:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as wire,
        trusting_all().wrap_socket(wire, server_hostname=DOMAIN) as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
        assert shown is not None
        return ssl.DER_cert_to_PEM_cert(shown)
