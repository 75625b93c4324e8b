"""The scripts that issue and renew certificates, with an authority that validates the challenges."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from infra.ports import free_port
from tests.support.authority import Authority
from tests.support.gateway import DOMAIN, Gateway, abort
from tests.support.platform import Platform

pytestmark = pytest.mark.tls

SCRIPTS = Path(__file__).parents[2] / "infra" / "tls"
OTHER = f"www.{DOMAIN}"
EMAIL = "operator@auctions.localhost"


@pytest.fixture
def gateway(tmp_path: Path, platform: Platform) -> Iterator[Gateway]:
    """Its folder has a name that a shell would split."""
    with Gateway(tmp_path / "the $data folder", platform, domains=f"{DOMAIN},{OTHER}") as running:
        yield running


@pytest.fixture
def authority(tmp_path: Path, gateway: Gateway) -> Iterator[Authority]:
    with Authority(tmp_path / "authority", gateway.http_port) as running:
        yield running


def run(authority: Authority, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (str(SCRIPTS / script), *words), env=authority.env, capture_output=True, text=True, check=False, timeout=60
    )


def issue(authority: Authority, gateway: Gateway, *domains: str) -> subprocess.CompletedProcess[str]:
    return run(authority, "issue.sh", "--data", str(gateway.data), "--email", EMAIL, *domains)


def trusting(root: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root)
    return context


def shown_after(gateway: Gateway, workers: set[int]) -> x509.Certificate:
    """The certificate served once nginx has replaced these workers."""
    gateway.wait_until_replaced(workers)
    return x509.load_pem_x509_certificate(gateway.certificate().encode())


def names(certificate: x509.Certificate) -> set[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return set(found.value.get_values_for_type(x509.DNSName))


async def test_a_certificate_is_issued_served_and_renewed_without_dropping_a_websocket(
    gateway: Gateway, authority: Authority
) -> None:
    early = await gateway.open_socket()
    assert (await early.next())["type"] == "welcome"

    workers = gateway.workers()
    done = issue(authority, gateway, DOMAIN, OTHER)
    assert done.returncode == 0, done.stdout + done.stderr + authority.log()
    first = shown_after(gateway, workers)
    assert names(first) == {DOMAIN, OTHER}

    # Verified by a client that trusts only this authority.
    trusted = await gateway.open_socket(trusting(authority.root()))
    assert (await trusted.next())["type"] == "welcome"

    workers = gateway.workers()
    renewed = run(authority, "renew.sh", str(gateway.data), "--force-renewal", "--no-random-sleep-on-renew")
    assert renewed.returncode == 0, renewed.stdout + renewed.stderr + authority.log()
    second = shown_after(gateway, workers)
    assert second.serial_number != first.serial_number
    assert names(second) == {DOMAIN, OTHER}

    for client in (early, trusted):
        client.send({"type": "ping"})
        assert (await client.next())["type"] == "pong"
    late = await gateway.open_socket(trusting(authority.root()))
    assert (await late.next())["type"] == "welcome"
    await abort(early, trusted, late)

    kept = gateway.folder / "tls" / "site.pem"
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not [path for path in (gateway.data / "certbot").rglob("privkey*.pem") if path.stat().st_mode & 0o077]


def test_a_valid_certificate_is_not_renewed(gateway: Gateway, authority: Authority) -> None:
    assert issue(authority, gateway, DOMAIN).returncode == 0
    kept = (gateway.folder / "tls" / "site.pem").read_bytes()
    assert issue(authority, gateway, DOMAIN).returncode == 0
    assert run(authority, "renew.sh", str(gateway.data), "--no-random-sleep-on-renew").returncode == 0
    # How an operator tests the renewal early; by default certbot uses Let's Encrypt's staging server for this.
    words = ("--dry-run", "--no-random-sleep-on-renew", "--server", authority.env["BLYTZ_ACME_SERVER"])
    tried = run(authority, "renew.sh", str(gateway.data), *words)
    assert (tried.returncode, "succeeded" in tried.stdout) == (0, True), tried.stdout + tried.stderr
    assert (gateway.folder / "tls" / "site.pem").read_bytes() == kept


def test_when_the_challenge_fails_the_old_certificate_is_kept(gateway: Gateway, tmp_path: Path) -> None:
    shown = gateway.certificate()
    with Authority(tmp_path / "elsewhere", free_port()) as authority:
        done = issue(authority, gateway, DOMAIN)
    assert done.returncode != 0
    assert "Some challenges have failed" in done.stderr
    assert gateway.certificate() == shown


def test_missing_prerequisites_are_reported_in_one_line(
    gateway: Gateway, authority: Authority, tmp_path: Path
) -> None:
    for words, why in (
        (("--data", str(gateway.data), "--email", EMAIL), "name the domains"),
        (("--data", str(gateway.data), DOMAIN), "--email is needed"),
        (("--data", str(tmp_path), "--email", EMAIL, DOMAIN), "no gateway has run"),
    ):
        answer = run(authority, "issue.sh", *words)
        assert answer.returncode == 1
        assert answer.stderr.startswith("blytz: ")
        assert why in answer.stderr
