"""The parts of a Redis URL."""

import pytest

from blytz.kit.redis.address import RedisAddress, address_of


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://", RedisAddress()),
        ("redis://10.0.0.1:6380/2", RedisAddress("10.0.0.1", 6380, db=2)),
        ("redis://[::1]:6380?db=3", RedisAddress("::1", 6380, db=3)),
        ("redis://:p%40ss@localhost", RedisAddress(password="p@ss")),
        (
            "rediss://bl:pw@r.example?ssl_ca_certs=/a&ssl_certfile=/b&ssl_keyfile=/c",
            RedisAddress(
                "r.example", is_tls=True, username="bl", password="pw", ca_certs="/a", certfile="/b", keyfile="/c"
            ),
        ),
        ("unix:///run/a%20b/redis.sock?db=1", RedisAddress(socket="/run/a b/redis.sock", db=1)),
        ("unix://:pw@/run/redis.sock", RedisAddress(socket="/run/redis.sock", password="pw")),
    ],
)
def test_the_parts_of_a_url_are_read(url: str, address: RedisAddress) -> None:
    assert address_of(url) == address


@pytest.mark.parametrize(
    "url", ["http://localhost", "localhost:6379", "redis://localhost:x", "redis://localhost/x"]
)
def test_what_is_no_redis_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        address_of(url)
