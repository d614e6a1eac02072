"""Workers, web processes and the broker die; every message is settled exactly once, in order."""

import asyncio
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest
import redis

from tests.support.backend import Backend
from tests.support.chaos_client import Client
from tests.support.processes import Fleet, fleet
from tests.support.wait import until_async

MESSAGES = int(os.environ.get("CHAOS_MESSAGES", "5000"))
SEED = os.environ.get("CHAOS_SEED") or str(random.randrange(10**6))
CLIENTS = 20
ROOMS = [f"kills{number}" for number in range(10)]
WORKERS = ["worker1", "worker2", "worker3"]
WEBS = ["web1", "web2"]
# How long people write and processes die, in seconds.
SECONDS = 30.0
ROUNDS = 60
# How long the servers are at work on one round, in seconds.
ROUND_WORK = 0.1
# Whom it hits, in an order that the seed gives.
VICTIMS = ["worker"] * 11 + ["web"] * 4 + ["broker"]


async def write(client: Client, count: int, rng: random.Random) -> None:
    """Write in rounds, all clients at once, whatever happens to the servers."""
    began = time.monotonic()
    for number in range(count):
        turn = number * ROUNDS // count
        client.say(rng.choice(ROOMS), f"{client.name} says number {number}, {rng.random():.9f}")
        await asyncio.sleep(max(0.0, began + turn * SECONDS / ROUNDS - time.monotonic()))


async def wreck(site: Fleet, rng: random.Random) -> None:
    """Kill at random, in the midst of rounds; what was killed is started again at once."""
    victims = VICTIMS[:]
    rng.shuffle(victims)
    began = time.monotonic()
    for victim, turn in zip(victims, sorted(rng.sample(range(ROUNDS), len(victims))), strict=True):
        at = began + turn * SECONDS / ROUNDS + rng.uniform(0, ROUND_WORK)
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        if victim == "broker":
            # A broker whose disk is slow answers before it writes: what it took last is gone.
            await asyncio.to_thread(write_no_more, site.backend)
            await asyncio.sleep(rng.uniform(0, 1))
            await asyncio.to_thread(site.backend.kill_broker)
            await asyncio.sleep(rng.uniform(0, 2))
            await asyncio.to_thread(site.backend.start_broker)
        else:
            # Whoever is there: one that was just started may not work yet.
            name = rng.choice(WORKERS if victim == "worker" else WEBS)
            await asyncio.to_thread(site.kill, name)
            site.restart(name)


def write_no_more(backend: Backend) -> None:
    with redis.Redis.from_url(backend.url) as client:
        client.config_set("appendonly", "no")


async def live_through_it(site: Fleet, clients: Sequence[Client]) -> float:
    """Everybody writes, everything dies; the seconds until the last message was settled."""
    for client in clients:
        client.start()
    await until_async(lambda: all(c.ready for c in clients), "everybody in every room", 60)
    began = time.monotonic()
    rngs = [random.Random(f"{SEED}/{client.name}") for client in clients]
    share = MESSAGES // CLIENTS
    await asyncio.gather(
        wreck(site, random.Random(SEED)),
        *(write(c, share, rng) for c, rng in zip(clients, rngs, strict=True)),
    )
    await until_async(lambda: not any(c.unsettled for c in clients), "every outcome", 60)
    took = time.monotonic() - began
    heads = dict(site.backend.query("SELECT name, head FROM bus_room"))
    await until_async(
        lambda: all(v.head == heads[v.name] for c in clients for v in c.rooms.values()),
        "everybody at every room's newest message",
        20,
    )
    for client in clients:
        await client.close()
    return took


@pytest.mark.timeout(200)
def test_every_message_is_settled_exactly_once(backend: Backend) -> None:
    print(f"CHAOS_SEED={SEED} CHAOS_MESSAGES={MESSAGES} on {backend.name}")
    with fleet(backend, "kills", BUS_PREFIX="kills", BUS_SEND_RATE="50") as site:
        for name in WORKERS:
            site.start(name, "manage.py", "runworker", "moderation")
        urls = [site.web(name) for name in WEBS]
        for name in WORKERS:
            site.wait_for(name, "listens on")
        clients = [Client(f"c{n}", urls, ROOMS, f"{SEED}/{n}") for n in range(CLIENTS)]
        took = asyncio.run(live_through_it(site, clients))
        assert site.fallen() == []
        report(backend, clients, took)
        check(backend, clients)


def report(backend: Backend, clients: Sequence[Client], took: float) -> None:
    """Say how it went."""
    counts: Counter[str] = Counter()
    for client in clients:
        counts += client.counts
    latencies = sorted(latency for client in clients for latency in client.latencies)
    with redis.Redis.from_url(backend.url) as broker:
        told = {k.decode(): int(v) for k, v in broker.hgetall("{kills:moderation}:counts").items()}
    median = latencies[len(latencies) // 2]
    print(f"{took:.1f} s; an outcome took {median:.3f} s (median), {latencies[-1]:.1f} s at worst")
    print(f"clients: {dict(counts)}; broker: {told}")


def check(backend: Backend, clients: Sequence[Client]) -> None:
    """The database is the truth, and everybody saw it."""
    rows = backend.query(
        "SELECT r.name, m.seq, m.author_key, m.client_id, m.status"
        " FROM bus_message m JOIN bus_room r ON r.id = m.room_id"
        " WHERE r.name LIKE 'kills%' ORDER BY r.name, m.seq"
    )
    assert [fault for client in clients for fault in client.faults] == []
    assert {status for *_, status in rows} == {"posted"}
    assert Counter(client_id for _, _, _, client_id, _ in rows) == Counter(
        sent.client_id for client in clients for sent in client.sent
    )
    rooms = defaultdict(list)
    for room, seq, author, client_id, _ in rows:
        rooms[room].append((seq, author, client_id))
    for room, stored in rooms.items():
        assert [seq for seq, _, _ in stored] == list(range(1, len(stored) + 1))
        for client in clients:
            assert client.rooms[room].shown == stored, (client.name, room)
            mine = [int(c.split("-")[1]) for _, a, c in stored if a == client.author]
            assert mine == sorted(mine), (client.name, room)
    for client in clients:
        told = {client_id: outcome["seq"] for client_id, outcome in client.settled.items()}
        assert told == {c: seq for _, seq, a, c, _ in rows if a == client.author}
    with redis.Redis.from_url(backend.url) as broker:
        assert broker.xlen("{kills:moderation}:dead") == 0
        assert broker.zcard("{kills:moderation}:due") == 0
