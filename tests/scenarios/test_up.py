"""`blytz up` as a user meets it: it starts, it serves, it stops."""

from tests.support.platform import SERVICES, Platform


def test_everything_runs_and_is_ready(platform: Platform) -> None:
    assert set(platform.pids) == {"blytz", "redis", "nginx", *SERVICES}
    assert {service: platform.get("/ready", service)[0] for service in SERVICES} == dict.fromkeys(SERVICES, 200)
    assert "Blytz is ready" in platform.log()


def test_health_is_at_the_root_of_the_gateway(platform: Platform) -> None:
    assert platform.get("/health")[0] == 200
