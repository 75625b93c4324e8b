"""IP addresses: that of a client behind proxies, those of this machine, and what settings may contain."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

IPV6_CLIENT_BITS = 64
"""The network that counts as one client, because whoever has one IPv6 address usually has its whole /64."""

ZONE_MARK = "%"
"""Begins the zone id of an IPv6 address (`fe80::1%eth0`). Python accepts any text as a zone id, so a setting may
not have one."""


class Addresses:
    """Finds the address of a client. `X-Forwarded-For` is read only when it comes from a `trusted` proxy (address
    or network). Raises ValueError for a text that is neither."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = tuple(ip_network(each) for each in trusted)

    def client(self, peer: str, forwarded_for: str | None) -> str:
        """The rightmost address that is not a trusted proxy, because a client can forge everything to the left of
        it. An IPv6 address is reduced to its network. A `peer` that is no address (a unix socket) is returned as
        it is."""
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
            return str(ip_network((address, IPV6_CLIENT_BITS), strict=False))
        return str(address)

    def _is_trusted(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def is_loopback(host: str) -> bool:
    """Whether an address, or the name `localhost`, is this machine itself. No name is resolved."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def reached_as(host: str) -> str:
    """Where this machine connects to a server that listens on `host`, which may mean all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def is_trusted(url: str, *, loopback: bool) -> bool:
    """Whether signing keys may be fetched from this URL: over TLS, or over plain HTTP from this machine when
    `loopback` allows it. Keys that cross a network in plain text can be forged on the way."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (loopback and parts.scheme == "http" and is_loopback(parts.hostname or ""))
    )


def address_fault(text: str) -> str | None:
    """Why this setting is not an address, for a message; None when it is one."""
    is_address = _address(text) is not None and ZONE_MARK not in text
    return None if is_address else "is no address; write it as 127.0.0.1 or ::1"


def network_fault(text: str) -> str | None:
    """Why this setting is neither an address nor a network, for a message; None when it is one."""
    try:
        if ZONE_MARK in text:
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
