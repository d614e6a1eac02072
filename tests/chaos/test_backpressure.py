"""A channel that is full refuses, tells when to come back, and drops nothing; memory is bounded."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest
import redis

from tests.support.backend import Backend
from tests.support.chaos_client import Client
from tests.support.processes import Fleet, fleet
from tests.support.room_view import ANSWER, Refused
from tests.support.wait import until_async

CAPACITY = 100
CLIENTS = 20
# How long everybody writes as fast as they can, in seconds.
FLOOD = 5.0
# What a web process may grow by under the flood, in MiB.
GROWTH = 48


def memory_of(pid: int) -> float:
    """What a process holds in memory, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def queued(backend: Backend, prefix: str) -> int:
    """How many messages are in the channel."""
    with redis.Redis.from_url(backend.url) as broker:
        return sum(broker.xlen(key) for key in broker.keys(f"{{{prefix}:moderation}}:1:*"))


def stored(backend: Backend, room: str) -> int:
    """How many messages of a room are settled."""
    return int(
        backend.query(
            "SELECT count(*) FROM bus_message m JOIN bus_room r ON r.id = m.room_id"
            f" WHERE r.name = '{room}' AND m.seq IS NOT NULL"
        )[0][0]
    )


def open_site(site: Fleet, room: str, clients: int) -> list[Client]:
    """A web process without a worker, and people for it."""
    urls = [site.web("web")]
    return [Client(f"{room}{n}", urls, [room], str(n)) for n in range(clients)]


def test_a_full_channel_refuses_and_loses_nothing(backend: Backend) -> None:
    settings = {"BUS_CAPACITY": str(CAPACITY), "BUS_PREFIX": "full", "BUS_SEND_RATE": "100"}
    with fleet(backend, "full", **settings) as site:
        clients = open_site(site, "full", 5)
        each = 60

        async def scene() -> None:
            for client in clients:
                client.start()
            await until_async(lambda: all(c.ready for c in clients), "everybody in")
            for client in clients:
                for number in range(each):
                    client.say("full", f"{client.name} says number {number}")
            await until_async(lambda: all(c.counts["busy"] for c in clients), "refusals")
            with pytest.raises(Refused) as refused:
                await clients[0].command("message.send", room="full", body="x", client_id="extra")
            assert refused.value.code == "busy"
            assert refused.value.args[0]["retry_after"] > 0
            assert queued(backend, "full") == CAPACITY
            accepted = sum(s.known for c in clients for s in c.sent)
            assert accepted == CAPACITY
            await asyncio.to_thread(site.worker, "worker", "moderation")
            await until_async(lambda: not any(c.unsettled for c in clients), "outcomes", 40)
            await until_async(
                lambda: all(c.rooms["full"].head == len(clients) * each for c in clients), "heads"
            )
            for client in clients:
                await client.close()

        asyncio.run(scene())
        assert stored(backend, "full") == len(clients) * each
        shown = clients[0].rooms["full"].shown
        for client in clients:
            assert client.faults == []
            assert client.rooms["full"].shown == shown
            mine = [c for _, author, c in shown if author == client.author]
            assert mine == [sent.client_id for sent in client.sent]


async def flood(client: Client, room: str) -> tuple[list[str], Counter[str]]:
    """Write as fast as the socket takes it, 20 at a time; what was accepted, and refusals."""
    accepted: list[str] = []
    codes: Counter[str] = Counter()
    until = time.monotonic() + FLOOD
    number = 0

    async def say(client_id: str) -> None:
        body = f"{client_id} {'flood ' * 150}"
        try:
            await client.command(
                "message.send", wait=ANSWER, room=room, body=body, client_id=client_id
            )
        except Refused as error:
            codes[error.code] += 1
        else:
            accepted.append(client_id)

    while time.monotonic() < until:
        ids = [f"{client.name}-{number + n}" for n in range(20)]
        number += len(ids)
        await asyncio.gather(*(say(client_id) for client_id in ids))
    return accepted, codes


def test_a_flood_leaves_the_web_process_small(backend: Backend) -> None:
    settings = {
        "BUS_CAPACITY": "500",
        "BUS_PREFIX": "flood",
        "BUS_SEND_RATE": "1000",
        "BUS_SEND_BURST": "2000",
    }
    with fleet(backend, "flood", **settings) as site:
        clients = open_site(site, "flood", CLIENTS)
        pid = site.processes["web"].pid
        accepted: set[str] = set()

        async def scene() -> None:
            for client in clients:
                client.start()
            await until_async(lambda: all(c.ready for c in clients), "everybody in")
            before = memory_of(pid)
            results = await asyncio.gather(*(flood(client, "flood") for client in clients))
            after = memory_of(pid)
            accepted.update(client_id for ids, _ in results for client_id in ids)
            refusals = sum((codes for _, codes in results), Counter[str]())
            print(f"{len(accepted)} accepted, {dict(refusals)} refused in {FLOOD:g} s")
            print(f"memory of web: {before:.0f} MiB, then {after:.0f} MiB")
            assert set(refusals) == {"busy"}
            assert refusals["busy"] > 1000
            assert after - before < GROWTH
            assert queued(backend, "flood") == len(accepted) == 500
            await asyncio.to_thread(site.worker, "worker", "moderation")
            await until_async(lambda: stored(backend, "flood") == len(accepted), "outcomes", 30)
            await until_async(
                lambda: all(c.rooms["flood"].head == len(accepted) for c in clients), "heads"
            )
            for client in clients:
                await client.close()

        asyncio.run(scene())
        for client in clients:
            assert client.faults == []
            assert {client_id for _, _, client_id in client.rooms["flood"].shown} == accepted
