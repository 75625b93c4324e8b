"""Checks of certificates: the gateway's own file, and the one that a public address serves."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from blytz.cli.doctor import certificate as doctor_certificate
from blytz.cli.doctor.findings import Finding
from infra.ports import free_port
from tests.support.certificates import make_certificates


def of_file(data: Path, trusted: Path | None, *domains: str) -> list[Finding]:
    path, roots = data / "gateway" / "tls" / "site.pem", None if trusted is None else str(trusted)
    return list(doctor_certificate.of_file(path, domains or ("localhost",), trusted=roots))


def place(data: Path, *parts: Path, rights: int = 0o600) -> None:
    path = data / "gateway" / "tls" / "site.pem"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    path.chmod(rights)


def test_each_fault_of_a_certificate_file_is_named(tmp_path: Path) -> None:
    [none] = of_file(tmp_path, None)
    assert (none.state, "blytz gateway" in none.remedy) == ("fail", True)
    made, other = make_certificates(tmp_path / "made", days=60), make_certificates(tmp_path / "other")
    authority = made / "ca.pem"

    place(tmp_path, made / "key.pem", made / "cert.pem")
    [good] = of_file(tmp_path, authority)
    assert (good.state, good.why) == ("ok", "key, chain and names match; valid for 60 days")
    [name] = of_file(tmp_path, authority, "localhost", "bid.example")
    assert (name.state, name.why) == ("fail", "is not for bid.example")
    [chain] = of_file(tmp_path, None)
    assert (chain.state, "fullchain.pem" in chain.remedy) == ("fail", True)

    place(tmp_path, made / "key.pem", made / "cert.pem", rights=0o644)
    assert [finding.state for finding in of_file(tmp_path, authority)] == ["fail", "ok"]
    place(tmp_path, other / "key.pem", made / "cert.pem")
    [mixed] = of_file(tmp_path, authority)
    assert (mixed.state, "does not belong to its certificate" in mixed.why) == ("fail", True)
    place(tmp_path, authority)
    [torn] = of_file(tmp_path, authority)
    assert (torn.state, "no key" in torn.why) == ("fail", True)
    place(tmp_path, other / "key.pem", other / "cert.pem")
    [near] = of_file(tmp_path, other / "ca.pem")
    assert (near.state, "--dry-run" in near.remedy) == ("fail", True)
    over = make_certificates(tmp_path / "over", days=-0.01)
    place(tmp_path, over / "key.pem", over / "cert.pem")
    [ended] = of_file(tmp_path, over / "ca.pem")
    assert (ended.state, ended.why) == ("fail", "has expired")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A public address whose certificate expires within a day, and the authority that issued it."""
    folder = make_certificates(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_greet, args=(listener, context), daemon=True)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}", folder / "ca.pem"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            wire, _ = listener.accept()
        except OSError:
            return
        try:
            context.wrap_socket(wire, server_side=True).close()
        except OSError:
            wire.close()


def test_a_certificate_that_expires_soon_or_is_not_trusted_fails(address: tuple[str, Path]) -> None:
    url, authority = address
    near = doctor_certificate.of_address(url, is_production=True, trusted=os.fspath(authority))
    assert (near.state, near.why) == ("fail", "that of localhost is valid for 1 days")
    assert "certbot" in near.remedy
    unknown = doctor_certificate.of_address(url, is_production=False)
    assert unknown.state == "fail"
    assert "not trusted" in unknown.why
    assert "fullchain.pem" in unknown.remedy


def test_an_address_without_a_certificate_fails_in_production() -> None:
    assert doctor_certificate.of_address("http://bid.example", is_production=True).state == "fail"
    assert doctor_certificate.of_address("http://bid.example", is_production=False).state == "warn"
    assert doctor_certificate.of_address("", is_production=True).state == "warn"
    assert doctor_certificate.of_address(f"https://127.0.0.1:{free_port()}", is_production=True).state == "fail"
