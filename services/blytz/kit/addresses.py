"""Addresses: of clients behind a proxy, of this machine, of what may be trusted."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

NETWORK_OF_ONE = 64
"""Bits. Who has one IPv6 address has as many as there are in its network."""

SCOPE = "%"
"""Behind it in an IPv6 address Python takes any text for the name of an interface; a setting has none."""


class Addresses:
    """Uses `X-Forwarded-For` only from the `trusted` alone (addresses or networks). Raises ValueError for what is
    neither."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = tuple(ip_network(each) for each in trusted)

    def client(self, peer: str, forwarded_for: str | None) -> str:
        """The nearest address that is no proxy of ours: what stands left of it, anybody may have written. An IPv6
        address is cut to its network. `peer` as it is where it is no address (a unix socket)."""
        address = _address(peer)
        if address is None:
            return peer
        hops = forwarded_for.split(",") if forwarded_for else []
        while hops and self._is_trusted(address):
            hop = _address(hops.pop().strip())
            if hop is None:
                break
            address = hop
        if isinstance(address, IPv6Address) and not address.is_loopback:
            return str(ip_network((address, NETWORK_OF_ONE), strict=False))
        return str(address)

    def _is_trusted(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def is_loopback(host: str) -> bool:
    """Of an address, or of the name `localhost`: whether it is this machine itself. No name is resolved."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def reached_as(host: str) -> str:
    """Where this machine connects to a server that listens on `host`, which may mean all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def is_trusted(url: str, *, loopback: bool) -> bool:
    """Keys that come in plain text can be forged on the way: they are fetched over TLS, and over plain HTTP only
    from this machine where `loopback` allows it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (loopback and parts.scheme == "http" and is_loopback(parts.hostname or ""))
    )


def address_fault(text: str) -> str | None:
    """In words, what keeps a setting from being an address."""
    is_address = _address(text) is not None and SCOPE not in text
    return None if is_address else "is no address; write it as 127.0.0.1 or ::1"


def network_fault(text: str) -> str | None:
    """In words, what keeps a setting from being an address or a network."""
    try:
        if SCOPE in text:
            raise ValueError
        ip_network(text)
    except ValueError as error:
        if "host bits" in str(error):
            return f"is an address within a network; for the whole network write {ip_network(text, strict=False)}"
        return "is no address or network; write it as 10.0.0.7 or 10.0.0.0/8"
    return None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
