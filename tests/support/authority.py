"""Let's Encrypt on this machine: pebble, which validates challenges as the real one does, and a DNS server that
resolves every name to loopback."""

import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from infra.ports import free_port
from tests.support.certificates import make_certificates
from tests.support.wait import wait_until

READY_WITHIN_S = 10.0


class Authority:
    """Validates HTTP challenges on `http_port`, as the real one does on port 80."""

    def __init__(self, folder: Path, http_port: int) -> None:
        self._folder = folder
        self._certificates = make_certificates(folder)
        self._port, self._management = free_port(), free_port()
        self._log = folder / "authority.log"
        self._processes: list[subprocess.Popen[bytes]] = []
        dns = f"127.0.0.1:{free_port()}"
        config = {
            "listenAddress": f"127.0.0.1:{self._port}",
            "managementListenAddress": f"127.0.0.1:{self._management}",
            "certificate": str(self._certificates / "cert.pem"),
            "privateKey": str(self._certificates / "key.pem"),
            "httpPort": http_port,
            "tlsPort": free_port(),
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
        try:
            # Without an IPv6 address: on loopback the gateway under test has none.
            self._start("pebble-challtestsrv", "-dns01", dns, "-defaultIPv6", "", *self._nothing_else())
            self._start("pebble", "-config", str(folder / "pebble.json"), "-dnsserver", dns, "-strict")
            wait_until(self._answers, "the authority answers", READY_WITHIN_S)
        except BaseException:
            self.close()
            raise

    @property
    def env(self) -> dict[str, str]:
        """The environment for certbot, and for scripts that call it."""
        return {
            **os.environ,
            "BLYTZ_ACME_SERVER": f"https://localhost:{self._port}/dir",
            "REQUESTS_CA_BUNDLE": str(self._certificates / "ca.pem"),
        }

    def root(self) -> str:
        """The root certificate that a client must trust, as PEM; a new one each time pebble starts."""
        return self._get(self._management, "/roots/0")

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(READY_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def _nothing_else() -> tuple[str, ...]:
        """Options that turn off the other servers of challtestsrv, which would listen on four more ports."""
        management = f"127.0.0.1:{free_port()}"
        return ("-http01", "", "-https01", "", "-tlsalpn01", "", "-management", management)

    def _start(self, *command: str) -> None:
        # Without these, pebble delays its answers and rejects 5 % of nonces to test its clients.
        env = {**os.environ, "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_VA_NOSLEEP": "1"}
        with self._log.open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    command, env=env, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            )

    def _answers(self) -> bool:
        if any(process.poll() is not None for process in self._processes):
            raise RuntimeError(f"the authority ended:\n{self.log()}")
        try:
            return bool(self.root()) and bool(self._get(self._port, "/dir"))
        except urllib.error.URLError:
            return False

    def _get(self, port: int, path: str) -> str:
        context = ssl.create_default_context(cafile=str(self._certificates / "ca.pem"))
        address = f"https://localhost:{port}{path}"
        with urllib.request.urlopen(address, context=context, timeout=5.0) as answer:  # https, above
            return str(answer.read().decode())
