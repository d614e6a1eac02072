"""A master that is killed, and the replica that Sentinel puts in its place."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from bus.broker import BusChannelLayer
from bus.broker.errors import BrokerUnavailable
from bus.broker.worker.heartbeat import Heartbeat
from tests.integration.broker.test_brokers import layer_on, works
from tests.support.broker_servers import Server, Servers, free_port
from tests.support.broker_servers import servers as servers
from tests.support.wait import until, until_async

pytestmark = pytest.mark.asyncio


class Trio:
    """A master `bus`, its replica, and one Sentinel whose word is enough."""

    def __init__(self, servers: Servers, kind: str, directory: Path) -> None:
        self.master = servers(kind)
        port = str(free_port())
        self.replica = servers(
            kind, "--port", port, "--replicaof", f"127.0.0.1 {self.master.port}",
            url=f"redis://127.0.0.1:{port}",
        )  # fmt: skip
        self.replica.port = int(port)
        self.sentinel_port = free_port()
        conf = directory / "sentinel.conf"
        conf.write_text(
            f"port {self.sentinel_port}\n"
            f"dir {directory}\n"
            f"sentinel monitor bus 127.0.0.1 {self.master.port} 1\n"
            "sentinel down-after-milliseconds bus 500\n"
            "sentinel failover-timeout bus 3000\n"
        )
        url = f"redis://127.0.0.1:{self.sentinel_port}"
        self.sentinel = servers(kind, str(conf), "--sentinel", url=url)
        until(lambda: self._info(self.master).get("slave0", {}).get("state") == "online", "replica")
        until(self._sentinel_knows_the_replica, "Sentinel knows the replica")

    def is_promoted(self) -> bool:
        """Whether the replica is the master now."""
        return self._info(self.replica).get("role") == "master"

    def is_demoted(self) -> bool:
        """Whether the first master follows the other one now."""
        return self._info(self.master).get("role") == "slave"

    def replicate(self) -> None:
        """Wait until the replica has all."""
        with self.master.client() as client:
            assert client.wait(1, 5000) == 1

    def _sentinel_knows_the_replica(self) -> bool:
        with redis.Redis(port=self.sentinel_port) as client:
            return "num-slaves" in (found := client.sentinel_master("bus")) and bool(
                found["num-slaves"]
            )

    @staticmethod
    def _info(server: Server) -> dict[str, Any]:
        # A promotion closes every connection, also this one.
        with server.client() as client, contextlib.suppress(redis.ConnectionError):
            found: dict[str, Any] = client.info("replication")
            return found
        return {}


async def sent_at_last(layer: BusChannelLayer, message: dict[str, Any]) -> None:
    """Send as a client does: again, until it is accepted."""

    async def accepted() -> bool:
        with contextlib.suppress(BrokerUnavailable):
            await layer.send("jobs", message, ordering_key="k")
            return True
        return False

    await until_async(accepted, "a send is accepted")


@pytest.fixture
def away() -> Iterator[socket.socket]:
    """A socket for an address at which nobody listens."""
    with socket.socket() as found:
        yield found


@pytest.mark.parametrize(("kind", "spelling"), [("valkey", "url"), ("redis", "dict")])
async def test_after_a_failover_everything_goes_on(
    servers: Servers,
    tmp_path: Path,
    kind: str,
    spelling: str,
    away: socket.socket,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trio = await asyncio.to_thread(Trio, servers, kind, tmp_path)
    caplog.set_level(logging.INFO, "bus")
    # The first Sentinel is away: the next one is asked. Taken, and refused, as long as it is bound.
    away.bind(("127.0.0.1", 0))
    sentinels = [away.getsockname(), ("127.0.0.1", trio.sentinel_port)]
    host: Any = {"sentinels": sentinels, "master_name": "bus"}
    if spelling == "url":
        host = f"redis+sentinel://{','.join(f'{h}:{p}' for h, p in sentinels)}/bus"
    async with layer_on(host) as layer:
        await works(layer)
        stream = layer.stream("jobs")
        heartbeat = Heartbeat("w1", [(stream.base, layer.host_of("jobs"))], dict)
        await asyncio.to_thread(heartbeat.beat)
        local, member = await layer.new_channel(), await layer.new_channel()
        await layer.group_add("room", member)
        waiting = [asyncio.ensure_future(layer.receive(name)) for name in (local, member)]
        wake = await layer.wake_of("jobs")
        for number in range(10):
            await layer.send("jobs", {"type": "x", "n": number}, ordering_key="k")
        held = (await stream.claim("w1/0", 3)).deliveries
        await asyncio.to_thread(trio.replicate)

        trio.master.kill()
        await until_async(trio.is_promoted, "the replica is the master")
        await sent_at_last(layer, {"type": "x", "n": 10})

        await until_async(lambda: "Groups are heard again" in caplog.text)
        await layer.send(local, {"type": "local"})
        await layer.group_send("room", {"type": "group"})
        received = await asyncio.wait_for(asyncio.gather(*waiting), 10)
        assert [message["type"] for message in received] == ["local", "group"]
        assert await asyncio.to_thread(heartbeat.beat)
        # What was in flight is still held, in order, and can be acknowledged.
        assert (await stream.claim("w2/0", 10)).locked == 1
        assert await stream.acknowledge(held) == 3
        rest = [(await asyncio.wait_for(layer.receive("jobs"), 5))["n"] for _ in range(8)]
        assert rest == list(range(3, 11))
        seen = wake.count
        await layer.send("jobs", {"type": "x"})
        await until_async(lambda: wake.count > seen)
        await layer.receive("jobs")

        heartbeat.stop()
        if kind == "redis":
            # Sentinel takes 10 to 20 s to demote one that came back.
            await asyncio.to_thread(trio.master.start)
            await until_async(trio.is_demoted, "the first master is a replica", 40)
            await works(layer)
