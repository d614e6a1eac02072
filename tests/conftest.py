"""What all tests share: the tier of each test, and a real broker."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from asgiref.sync import SyncToAsync
from django.db import connections
from hypothesis import settings

from bus.conf.paths import embedded_socket_path, var_dir
from bus.embedded.broker import EmbeddedBroker

TIERS = ["unit", "integration", "chaos", "e2e"]
HERE = Path(__file__).parent
# Projects of their own, with settings of their own: what tests them runs there.
collect_ignore = ["hosts"]

# `make long` asks for this.
settings.register_profile("long", max_examples=5_000, deadline=None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its directory's name, and run the quick tiers first."""
    for item in items:
        item.add_marker(_tier(item))
    items.sort(key=lambda item: TIERS.index(_tier(item)))


def _tier(item: pytest.Item) -> str:
    tier = item.path.relative_to(HERE).parts[0]
    if tier not in TIERS:
        raise pytest.UsageError(f"{item.path} must lie in one of tests/{{{','.join(TIERS)}}}/.")
    return tier


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Before the test database is dropped, let go of what tests' own async queries hold of it."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(scope="session")
def broker_server() -> Iterator[str]:
    """The URL of one broker for the whole run: an embedded Valkey, or REDIS_URL's server."""
    url = os.environ.get("REDIS_URL")
    if url:
        _refuse_to_empty(url)
        yield url
        # Some keys live for days; the next run is to find an empty database.
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return
    server = EmbeddedBroker(var_dir() / "valkey", embedded_socket_path())
    server.start()
    yield server.url
    server.stop()


def _refuse_to_empty(url: str) -> None:
    # Each test empties the database, so a first look protects one that is in use.
    with redis.Redis.from_url(url) as client:
        keys = client.dbsize()
    if keys and not os.environ.get("CI"):
        pytest.exit(
            f"REDIS_URL names a database that holds {keys} keys, and the tests would empty it. "
            "Nothing was touched. Unset REDIS_URL, or name an empty database (…/9).",
            returncode=1,
        )


@pytest.fixture
def broker(broker_server: str) -> Iterator[str]:
    """The broker's URL, with nothing in it and no layer left from another test."""
    from channels.layers import channel_layers

    from bus.messaging import background

    with redis.Redis.from_url(broker_server) as client:
        client.flushdb()
    channel_layers.backends.clear()
    yield broker_server
    background.tasks.stop()
    channel_layers.backends.clear()
