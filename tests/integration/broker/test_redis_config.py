"""A broker that would lose messages, or that cannot be used, is said to be so, and loudly."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from django.core import checks
from django.core.management import CommandError, call_command
from django.test import AsyncClient, override_settings

from bus.api import health
from bus.broker import BusChannelLayer
from bus.broker.errors import BrokerUnavailable
from bus.broker.redis_config import faults
from bus.chat import api_keys
from bus.consumers import lifespan
from bus.messaging import background
from tests.support.api_caller import Caller, refused
from tests.support.broker_servers import KINDS, Server, Servers, free_port
from tests.support.broker_servers import servers as servers
from tests.support.wait import until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

BROKER = ("bus.E009", "bus.W009", "bus.W010", "bus.W011")
SECRET = "for one test alone, and long enough"


@pytest.fixture(autouse=True)
def own_layer() -> Iterator[None]:
    channel_layers.backends.clear()
    yield
    background.tasks.stop()
    channel_layers.backends.clear()


@asynccontextmanager
async def layer_on(url: str) -> AsyncIterator[BusChannelLayer]:
    """The default channel layer, on one server."""
    found = channel_layers.backends["default"] = BusChannelLayer(hosts=[url])
    try:
        yield found
    finally:
        await found.close()


async def checked() -> list[checks.CheckMessage]:
    """What `manage.py check --database default` finds of the broker."""
    found = await sync_to_async(checks.run_checks)(databases=["default"])
    return [message for message in found if message.id in BROKER]


async def readyz() -> dict[str, Any]:
    with override_settings(BUS_PROBE_SECRET=SECRET):
        headers = {"authorization": f"Bearer {SECRET}"}
        answer = await AsyncClient().get("/readyz", headers=headers)
    found: dict[str, Any] = json.loads(answer.content)
    assert answer.status_code == (200 if found["ok"] else 503)
    return found


async def start_worker() -> None:
    await sync_to_async(call_command)("runworker", "moderation", stderr=io.StringIO())


async def start_web() -> None:
    """What a web process does with it as it starts."""
    await lifespan._look_at_broker()


@pytest.mark.parametrize("kind", KINDS)
async def test_one_that_drops_keys_is_named_by_check_worker_web_and_readyz(
    servers: Servers,
    kind: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bus.broker.worker.worker.Worker.run", lambda worker: None)
    server = servers(kind)
    async with layer_on(server.url):
        assert await checked() == []
        assert (await readyz())["checks"]["broker"] == "ok"
        with server.client() as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        (warning,) = await checked()
        assert warning.id == "bus.W010"
        assert "allkeys-lru" in warning.msg
        assert "maxmemory-policy noeviction" in (await readyz())["checks"]["broker"]
        for start in (start_worker, start_web):
            caplog.clear()
            await start()
            assert "allkeys-lru" in caplog.text
            assert {r.levelname for r in caplog.records if "allkeys" in r.getMessage()} == {"ERROR"}


@pytest.mark.parametrize("kind", KINDS)
async def test_one_that_writes_nothing_to_its_disk_is_named(
    servers: Servers, kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.broker.worker.worker.Worker.run", lambda worker: None)
    monkeypatch.setattr(health._Noted, "warnings", [])
    server = servers(kind)
    async with layer_on(server.url):
        with server.client() as client:
            client.config_set("appendonly", "no")
        (warning,) = await checked()
        assert warning.id == "bus.W011"
        assert "appendonly yes" in warning.msg
        caplog.clear()
        await start_worker()
        assert "appendonly yes" in caplog.text
        caplog.clear()
        # It works until it ends, so it is ready; the log says what a crash would cost.
        assert (await readyz())["checks"]["broker"] == "ok"
        assert "appendonly yes" in caplog.text
        with server.client() as client:
            client.config_set("save", "3600 1")
        assert await checked() == []


async def test_one_that_does_not_tell_is_not_accused(servers: Servers) -> None:
    server = servers("valkey")
    with server.client() as client:
        client.execute_command(
            *("ACL", "SETUSER", "few", "on", ">pw", "~*", "&*", "+@read", "+@write", "+@scripting"),
            *("+@connection", "+time", "-info"),
        )
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")
    async with layer_on(f"redis://few:pw@127.0.0.1:{server.port}") as layer:
        assert await faults(layer) == []
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "few", "+info")
    # INFO alone is enough for what drops keys; CONFIG is often refused by those who manage it.
    async with layer_on(f"redis://few:pw@127.0.0.1:{server.port}") as layer:
        assert [fault.kind for fault in await faults(layer)] == ["eviction"]


def _is_whole(client: redis.Redis) -> bool:
    info: dict[str, str] = client.execute_command("CLUSTER INFO")
    return info["cluster_state"] == "ok"


def node(servers: Servers, kind: str, name: str = "node0") -> Server:
    """A node of a Cluster that nobody has made one of yet: it is down."""
    port = str(free_port())
    options = ("--port", port, "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    return servers(kind, *options, url=f"redis://127.0.0.1:{port}", name=name)


def cluster(servers: Servers, kind: str) -> Server:
    """Two nodes of a Cluster, each with half of the slots; the first one."""
    nodes = [node(servers, kind, f"node{number}") for number in range(2)]
    with nodes[0].client() as one, nodes[1].client() as two:
        one.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        two.execute_command("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        info = two.info("server")
        bus_port = two.config_get("cluster-port")["cluster-port"]
        one.execute_command("CLUSTER", "MEET", "127.0.0.1", info["tcp_port"], bus_port)
        until(lambda: all(map(_is_whole, (one, two))), "a cluster")
    return nodes[0]


@pytest.mark.parametrize("kind", KINDS)
async def test_one_in_cluster_mode_that_is_down_is_refused_in_the_same_sentence(
    servers: Servers, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = await asyncio.to_thread(node, servers, kind)
    backend = Caller(*await sync_to_async(api_keys.create)("ci"))
    async with layer_on(server.url) as layer:
        await start_web()
        with pytest.raises(BrokerUnavailable, match="cluster mode"):
            await layer.send("jobs", {"type": "x"})
        answer = await backend.post("channels/jobs/messages", {"type": "x", "data": {}})
        assert refused(answer, "unavailable")
        assert "cluster mode" in (await readyz())["checks"]["broker"]
        assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("kind", KINDS)
async def test_one_in_cluster_mode_is_refused_in_one_sentence(
    servers: Servers, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = await asyncio.to_thread(cluster, servers, kind)
    backend = Caller(*await sync_to_async(api_keys.create)("ci"))
    # With a database's number the connection itself is refused.
    for url in (server.url, f"{server.url}/3"):
        # Valkey's Clusters may have more than one, so it says another thing.
        word = "no database" if (url, kind) == (f"{server.url}/3", "valkey") else "cluster mode"
        async with layer_on(url) as layer:
            (error,) = await checked()
            assert word in error.msg
            if word == "cluster mode":
                with pytest.raises(CommandError, match=word):
                    await start_worker()
            caplog.clear()
            await start_web()
            assert word in caplog.text
            sends = (layer.send(f"jobs.{number}", {"type": "x"}) for number in range(8))
            results = await asyncio.gather(*sends, return_exceptions=True)
            away = [result for result in results if not isinstance(result, str)]
            assert away
            assert all(isinstance(error, BrokerUnavailable) for error in away)
            assert all(word in str(error) for error in away)
            answers = [
                await backend.post(f"channels/jobs.{n}/messages", {"type": "x", "data": {}})
                for n in range(8)
            ]
            refusals = [a for a in answers if a.status_code != 202]
            assert refusals
            for answer in refusals:
                assert refused(answer, "unavailable")
            assert word in (await readyz())["checks"]["broker"]
            assert "Traceback" not in caplog.text
            assert not [record for record in caplog.records if record.exc_info]
