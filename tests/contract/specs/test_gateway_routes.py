"""The gateway passes on every request that the document of a service allows."""

from collections.abc import Iterator

import pytest

from tests.support.example_runner import ExampleRunner
from tests.support.gateway import abort
from tests.support.http import problem
from tests.support.live_client import Client
from tests.support.platform import Platform


@pytest.fixture(scope="module")
def runner(platform: Platform) -> Iterator[ExampleRunner]:
    runner = ExampleRunner(platform)
    yield runner
    runner.close()


@pytest.mark.parametrize("user_id", [".x", "a.b", ".;", "ready", "metrics", "%25", "%25FE", "%3Fq", "%23x", "+"])
def test_a_user_id_in_any_encoding_reaches_the_service(runner: ExampleRunner, user_id: str) -> None:
    headers = {"Authorization": f"Bearer {runner.person('admin')}"}
    asked = runner.http.get(f"/auction/v1/admin/bans/{user_id}", headers=headers)
    assert problem(asked, 404, "not_found")["detail"] == "this user is not banned"


async def test_large_headers_that_the_live_service_does_not_need_do_not_reach_it(platform: Platform) -> None:
    """For example cookies of the app's domain, larger than the service accepts."""
    more = {f"X-More-{number}": "a" * 12_000 for number in range(4)}
    client = await Client.open(platform.ports["nginx"], **more)
    assert (await client.receive("welcome"))["session"]
    await abort(client)


def test_a_url_of_the_live_service_has_a_maximum_length(runner: ExampleRunner) -> None:
    problem(runner.http.get("/live/v1?" + "a" * 10_000), 414, "too_large")
