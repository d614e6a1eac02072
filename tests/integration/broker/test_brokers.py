"""The kinds of broker, each started for real: Valkey, Redis, passwords, TLS, sockets, several."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import redis
import uvloop
from channels.routing import ChannelNameRouter

from bus.broker import BusChannelLayer
from bus.broker.errors import BrokerUnavailable
from bus.broker.redis_urls import host_index
from bus.broker.worker.heartbeat import Heartbeat
from bus.broker.worker.worker import Worker
from tests.support.broker_servers import KINDS, Server, Servers, free_port
from tests.support.broker_servers import servers as servers
from tests.support.certificates import Certificates
from tests.support.wait import until_async

pytestmark = pytest.mark.asyncio

RIGHTS = [
    *("~{test:*", "~test:*", "&{test:*", "&test.*", "&test__group__*", "+@read", "+@write"),
    *("+@stream", "+@pubsub", "+@scripting", "+@connection", "+time"),
]


@asynccontextmanager
async def layer_on(*hosts: Any, prefix: str = "test") -> AsyncIterator[BusChannelLayer]:
    layer = BusChannelLayer(hosts=list(hosts), prefix=prefix)
    yield layer
    await layer.close()


async def attempts(server: Server, number: int) -> None:
    """Wait until this many connections to a server that is gone were tried."""
    tried = 0

    def refuse(_reader: object, writer: asyncio.StreamWriter) -> None:
        nonlocal tried
        tried += 1
        writer.close()

    async with await asyncio.start_server(refuse, *server.address):
        await until_async(lambda: tried >= number, f"{number} attempts to connect")


async def works(layer: BusChannelLayer) -> None:
    """Named and local channels, groups, claims and heartbeats go through."""
    await layer.send("jobs", {"type": "x", "n": 1})
    await layer.send("jobs", {"type": "x", "n": 2})
    (delivery,) = (await layer.stream("jobs").claim("w", 1)).deliveries
    assert await layer.stream("jobs").acknowledge([delivery]) == 1
    assert await asyncio.wait_for(layer.receive("jobs"), 5) == {"type": "x", "n": 2}
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.group_send("room", {"type": "to all"})
    assert await asyncio.wait_for(layer.receive(channel), 5) == {"type": "to all"}
    await layer.send(channel, {"type": "to one"})
    assert await asyncio.wait_for(layer.receive(channel), 5) == {"type": "to one"}
    heartbeat = Heartbeat("w", [(layer.stream("jobs").base, layer.host_of("jobs"))], dict)
    assert await asyncio.to_thread(heartbeat.beat)
    heartbeat.stop()
    assert "w" in [worker["id"] for worker in await layer.stream("jobs").workers()]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_port_and_a_database_number(servers: Servers, kind: str) -> None:
    server = servers(kind)
    async with layer_on(f"{server.url}/3") as layer:
        await works(layer)
        with redis.Redis.from_url(f"{server.url}/3") as client:
            assert client.keys("{test:*")
    async with layer_on(server.address) as layer:
        await works(layer)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_password(servers: Servers, kind: str) -> None:
    server = servers(kind)
    with server.client() as client:
        # The rights that docs/brokers.md asks for, and no more.
        client.execute_command("ACL", "SETUSER", "bus", "on", ">s3cr:t", "-@all", *RIGHTS)
        client.config_set("requirepass", "pw")
    for userinfo in (":pw", "bus:s3cr%3At"):
        async with layer_on(f"redis://{userinfo}@127.0.0.1:{server.port}") as layer:
            await works(layer)
            await layer.flush()
    async with layer_on(f"redis://:wrong@127.0.0.1:{server.port}") as layer:
        with pytest.raises(BrokerUnavailable, match=r"(?i)pass"):
            await layer.send("jobs", {"type": "x"})
        with pytest.raises(BrokerUnavailable, match=r"(?i)pass"):
            await layer.new_channel()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_unix_socket(servers: Servers, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "s"
    server = servers(kind, "--port", "0", "--unixsocket", str(path), url=f"unix://{path}")
    async with layer_on(server.url) as layer:
        await works(layer)


async def test_tls_with_a_password(servers: Servers, tmp_path: Path) -> None:
    """On Redis alone: the bundled Valkey is built without TLS."""
    ours, strangers = (Certificates(tmp_path / name) for name in ("ours", "strangers"))
    port = str(free_port())
    server = servers(
        "redis", "--port", "0", "--tls-port", port, "--requirepass", "pw",
        "--tls-cert-file", str(ours.certificate), "--tls-key-file", str(ours.key),
        "--tls-ca-cert-file", str(ours.authority), "--tls-auth-clients", "no",
        url=f"rediss://:pw@127.0.0.1:{port}?ssl_ca_certs={ours.authority}",
    )  # fmt: skip
    async with layer_on(server.url) as layer:
        await works(layer)
    async with layer_on(server.url.replace(str(ours.authority), str(strangers.authority))) as layer:
        with pytest.raises(BrokerUnavailable, match=r"(?i)certificate"):
            await layer.send("jobs", {"type": "x"})


@pytest.mark.parametrize("transport", ["port", "socket", "tls"])
async def test_each_way_to_a_broker_under_the_loop_that_uvicorn_runs(
    servers: Servers, tmp_path: Path, transport: str
) -> None:
    """The transport is taken over from redis-py, and uvloop's is none of asyncio's."""
    port, ours = str(free_port()), Certificates(tmp_path / "ours")
    tls = [
        *("--tls-port", port, "--tls-cert-file", str(ours.certificate)),
        *("--tls-key-file", str(ours.key), "--tls-ca-cert-file", str(ours.authority)),
        *("--tls-auth-clients", "no"),
    ]
    url = {
        "port": f"redis://127.0.0.1:{port}",
        "socket": f"unix://{tmp_path / 's'}",
        "tls": f"rediss://127.0.0.1:{port}?ssl_ca_certs={ours.authority}",
    }[transport]
    options = {
        "port": ["--port", port],
        "socket": ["--port", "0", "--unixsocket", str(tmp_path / "s")],
        "tls": ["--port", "0", *tls],
    }[transport]
    server = await asyncio.to_thread(servers, "redis", *options, url=url)

    async def main() -> None:
        async with layer_on(server.url) as layer:
            await works(layer)
            sent = [{"type": "x", "n": n, "text": "x" * 50_000} for n in range(40)]
            await asyncio.gather(*(layer.send("many", m, ordering_key="k") for m in sent))
            claimed = (await layer.stream("many").claim("w/0", 100)).deliveries
            assert [layer.deserialize(d.payload) for d in claimed] == sent

    def under_uvloop() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())

    await asyncio.to_thread(under_uvloop)


@pytest.mark.parametrize("kind", KINDS)
async def test_several_hosts_share_channels_and_groups_by_hash(servers: Servers, kind: str) -> None:
    two = [servers(kind), servers(kind)]
    names = [f"jobs.{number}" for number in range(12)]
    async with layer_on(",".join(server.url for server in two)) as layer:
        assert len(layer.hosts) == 2
        await works(layer)
        member = await layer.new_channel()
        for name in names:
            await layer.send(name, {"type": name})
            await layer.group_add(name, member)
        for place, server in enumerate(two):
            with server.client() as client:
                here = {name for name in names if client.exists(f"{{test:{name}}}:meta")}
                assert here == {name for name in names if host_index(name, 2) == place}
                assert here
        for name in names:
            assert (await asyncio.wait_for(layer.receive(name), 5))["type"] == name
            await layer.group_send(name, {"type": name})
            assert (await asyncio.wait_for(layer.receive(member), 5))["type"] == name
        await layer.flush()
        for server in two:
            with server.client() as client:
                assert client.dbsize() == 0


async def test_a_silent_host_does_not_silence_its_workers_elsewhere(servers: Servers) -> None:
    two = [servers("valkey"), servers("valkey")]
    names = [next(f"j{n}" for n in range(99) if host_index(f"j{n}", 2) == p) for p in (0, 1)]
    beats: list[float] = []

    def beats_again() -> bool:
        with two[1].client() as client:
            ((_, at),) = client.zrange(f"{{test:{names[1]}}}:workers", 0, -1, withscores=True)
        if at not in beats:
            beats.append(at)
        return len(beats) == 4

    async with layer_on(",".join(server.url for server in two)) as layer:
        worker = Worker(ChannelNameRouter({}), names, layer)
        heartbeats = worker._heartbeats()
        for heartbeat in heartbeats:
            assert heartbeat.beat()
            heartbeat.start()
        try:
            two[0].pause()
            await until_async(beats_again)
        finally:
            two[0].go_on()
            for heartbeat in heartbeats:
                heartbeat.stop()
    # In ms; a beat that waits for the silent host comes after 5 s.
    assert all(later - earlier < 3000 for earlier, later in pairwise(beats))


@pytest.mark.parametrize("kind", KINDS)
async def test_after_a_crash_nobody_is_deaf_and_the_log_says_it_once(
    servers: Servers, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = servers(kind)
    caplog.set_level(logging.INFO, "bus")
    async with layer_on(server.url) as layer:
        local, local_too, member = [await layer.new_channel() for _ in range(3)]
        await layer.group_add("room", member)
        wake = await layer.wake_of("jobs")
        names = [local, member, "jobs"]
        waiting = [asyncio.ensure_future(layer.receive(name)) for name in names]
        await asyncio.wait(waiting, timeout=0.1)
        server.kill()
        await until_async(lambda: "Groups are not heard" in caplog.text)
        with pytest.raises(BrokerUnavailable):
            await layer.send("jobs", {"type": "x"})
        with pytest.raises(BrokerUnavailable):
            await layer.group_add("other", member)
        # Who comes to receive in an outage waits as well.
        waiting.append(asyncio.ensure_future(layer.receive(local_too)))
        # Each of several attempts would be a line in the log.
        await attempts(server, 5)
        server.start()
        await until_async(lambda: "Groups are heard again" in caplog.text)
        seen = wake.count
        await layer.send("jobs", {"type": "named"})
        await until_async(lambda: wake.count > seen)
        await layer.send(local, {"type": "local"})
        await layer.send(local_too, {"type": "local too"})
        await layer.group_send("room", {"type": "group"})
        received = await asyncio.wait_for(asyncio.gather(*waiting), 10)
        kinds = [message["type"] for message in received]
        assert kinds == ["local", "group", "named", "local too"]
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("bus.broker")]
    assert len(lines) == len(set(lines)) <= 4, lines
    assert not [r for r in caplog.records if r.levelno > logging.WARNING]


async def test_a_broker_that_falls_silent_is_left_and_found_again(
    servers: Servers, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.broker.pubsub.PubSub.quiet", 0.2)
    server = servers("valkey")
    caplog.set_level(logging.INFO, "bus")
    async with layer_on(server.url) as layer:
        channel = await layer.new_channel()
        server.pause()
        await until_async(lambda: "it said nothing for 0.4 s" in caplog.text)
        server.go_on()
        await until_async(lambda: "Groups are heard again" in caplog.text)
        await layer.send(channel, {"type": "x"})
        assert await asyncio.wait_for(layer.receive(channel), 5) == {"type": "x"}
