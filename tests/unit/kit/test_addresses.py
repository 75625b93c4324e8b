"""The client address of a connection, behind trusted and other proxies."""

import pytest

from blytz.kit.addresses import Addresses, is_loopback

OURS = ("127.0.0.1", "::1", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("10.1.2.3", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, nonsense", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7,", "127.0.0.1"),
        ("192.0.2.1", "203.0.113.7", "192.0.2.1"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "203.0.113.7", "2001:db8:1:2::/64"),
        ("::1", None, "::1"),
        ("", "203.0.113.7", ""),
    ],
)
def test_the_client_address_is_the_nearest_one_that_is_not_a_trusted_proxy(
    peer: str, forwarded_for: str | None, client: str
) -> None:
    assert Addresses(OURS).client(peer, forwarded_for) == client


def test_an_invalid_proxy_address_is_refused() -> None:
    with pytest.raises(ValueError, match="everybody"):
        Addresses(("everybody",))


def test_loopback_is_recognised_in_every_form() -> None:
    assert [is_loopback(each) for each in ("localhost", "127.8.9.1", "::1", "203.0.113.7", "", "::/64")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
