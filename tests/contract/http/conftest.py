"""One auction service on the shared Redis for all tests of its HTTP calls."""

from collections.abc import Iterator

import pytest

from tests.support.http import Api
from tests.support.redis import RedisServer
from tests.support.services import Service


@pytest.fixture(scope="session")
def api(shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("auction")
    with Service("auction", shared_redis.url, folder) as service, Api(service.wait_until_ready(), folder) as api:
        yield api


@pytest.fixture(scope="session")
def sam(api: Api) -> str:
    """The token of a seller."""
    return api.token("Sam", "seller")


@pytest.fixture(scope="session")
def anna(api: Api) -> str:
    """The token of a bidder."""
    return api.token("Anna")


@pytest.fixture(scope="session")
def ben(api: Api) -> str:
    """The token of another bidder."""
    return api.token("Ben")
