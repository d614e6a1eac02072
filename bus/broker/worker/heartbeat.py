"""A worker's sign of life: a thread of its own, so that a busy event loop does not look dead."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import redis

from bus.broker.clock import SteadyClock
from bus.broker.lua import script
from bus.broker.redis_urls import Host, sync_client
from bus.broker.stream import FORGET_MS, text
from bus.broker.worker.local_workers import has_died, machine, pid_here

logger = logging.getLogger(__name__)

# Five of these fit into Stream's LIVENESS_MS.
_INTERVAL = 1.0
# Between two looks after the workers of this machine, in seconds.
_LOOK_EVERY = 0.2
# Who did not beat for this long and has no connection either has died, in ms. Above the slot's
# _SURE: a worker that lives lets go of what it holds before others are told to take it.
_SUSPECT_MS = 2000
# A beat takes a millisecond; one that does not return is left to end by itself, in seconds.
_JOIN_WITHIN = 1.0


class Heartbeat(threading.Thread):
    """Tells the broker every second that the worker lives, and what it does."""

    def __init__(
        self,
        worker: str,
        channels: Sequence[tuple[str, Host]],
        about: Callable[[], dict[str, Any]],
        clock: SteadyClock | None = None,
    ) -> None:
        """`channels` are the channels' key base and broker host, `clock` is that host's."""
        super().__init__(name="heartbeat", daemon=True)
        self._worker = worker
        # The broker closes a dead process's connection at once, and with it goes its name.
        self._channels = [
            (base, sync_client({**host, "client_name": worker})) for base, host in channels
        ]
        self._about = about
        self._clock = clock or SteadyClock()
        # The workers of this machine by their processes, as the last beat said for each channel.
        self._near: dict[str, dict[str, int]] = {}
        self._stopped = threading.Event()
        # What the broker said last where it did not take one.
        self._refused = ""

    def beat(self) -> bool:
        """Beat once; returns whether every broker host heard it."""
        try:
            about = json.dumps(self._about())
        except Exception:
            # Whatever is wrong with what it tells of itself: it lives.
            logger.exception("The worker cannot tell of itself.")
            about = "{}"
        heard = True
        for base, client in self._channels:
            try:
                neighbours, suspects = client.eval(
                    script("beat")[0],
                    1,
                    f"{base}:meta",
                    self._now(client, base),
                    self._worker,
                    about,
                    FORGET_MS,
                    _SUSPECT_MS,
                    machine(),
                )
                self._near[base] = {
                    name: pid
                    for name in map(text, neighbours)
                    if (pid := pid_here(name)) is not None
                }
                if suspects:
                    _forget_the_dead(client, base, list(map(text, suspects)))
            except (redis.RedisError, OSError) as error:
                heard = False
                if isinstance(error, redis.ResponseError) and str(error) != self._refused:
                    self._refused = str(error)
                    logger.warning("The broker takes no heartbeat for %s: %s", base, error)
                else:
                    logger.debug("No heartbeat for %s: %s", base, error)
                if isinstance(error, redis.ReadOnlyError):
                    # Demoted to a replica: the address may lead to the new master by now.
                    client.connection_pool.disconnect()
        return heard

    def _now(self, client: redis.Redis, base: str) -> int | str:
        """The time by the steady clock, which is asked for where the event loop did not yet."""
        now = self._clock.now()
        if now is None or self._clock.due():
            key = f"{base[1:].partition(':')[0]}:clock"
            self._clock.hear(
                client.eval(script("clock")[0], 1, key, *map(str, self._clock.question()))
            )
            now = self._clock.now()
        return "" if now is None else now

    def run(self) -> None:
        """Beat until stopped."""
        beaten = time.monotonic()
        while not self._stopped.wait(_LOOK_EVERY):
            if time.monotonic() - beaten >= _INTERVAL:
                beaten = time.monotonic()
                self.beat()
            else:
                self._look_around()

    def _look_around(self) -> None:
        """Have the workers of this machine forgotten that have died since the last beat."""
        gone = {pid for near in self._near.values() for pid in near.values()}
        gone = {pid for pid in gone if has_died(pid)}
        for base, client in self._channels if gone else ():
            near = self._near.get(base, {})
            dead = [worker for worker, pid in near.items() if pid in gone]
            if dead:
                self._near[base] = {w: pid for w, pid in near.items() if pid not in gone}
                try:
                    _forget(client, base, dead)
                except (redis.RedisError, OSError) as error:
                    logger.debug("The dead of %s are not forgotten yet: %s", base, error)

    def stop(self) -> None:
        """End the thread, without waiting for a broker that is silent."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=_JOIN_WITHIN)
        for _, client in self._channels:
            client.close()

    def resign(self) -> None:
        """Beat no more, and have others take what this worker holds, as if it had died."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=_JOIN_WITHIN / 2)
        for base, client in self._channels:
            try:
                _forget(client, base, [self._worker])
            except (redis.RedisError, OSError) as error:
                logger.debug("%s hears of the end by the silence: %s", base, error)


def _forget_the_dead(client: redis.Redis, base: str, suspects: Sequence[str]) -> None:
    """Forget the suspects that have no connection."""
    try:
        alive = {connection["name"] for connection in client.client_list()}
    except redis.ResponseError as error:
        # Its user may not ask; the dead are found out by their silence, some seconds later.
        logger.debug("Who is connected is not told: %s", error)
        return
    dead = [worker for worker in suspects if worker not in alive]
    if dead:
        _forget(client, base, dead)


def _forget(client: redis.Redis, base: str, dead: Sequence[str]) -> None:
    """Forget dead workers, so that what they held is taken at once."""
    logger.info("Worker %s has died; others take what it held.", ", ".join(dead))
    # Names as they lie there, which may be anything.
    names = [worker.encode("utf-8", "surrogateescape") for worker in dead]
    client.zrem(f"{base}:workers", *names)
    client.hdel(f"{base}:about", *names)
