"""A worker's sign of life: a thread of its own, so that a busy event loop does not look dead."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import redis

from bus.layer.connection import Host, script, sync_client
from bus.layer.stream import FORGET_MS

logger = logging.getLogger(__name__)

# Five of these fit into Stream's LIVENESS_MS.
_INTERVAL = 1.0
# Who did not beat for this long and has no connection either has died, in ms. Above the lane's
# _SURE: a worker that lives lets go of what it holds before others are told to take it.
_SUSPECT_MS = 2000
# A beat takes a millisecond; one that does not return is left to end by itself, in seconds.
_JOIN_WITHIN = 1.0


class Heartbeat(threading.Thread):
    """Tells the broker every second that the worker lives, and what it does."""

    def __init__(
        self, worker: str, places: Sequence[tuple[str, Host]], about: Callable[[], dict[str, Any]]
    ) -> None:
        """`places` are the channels' key base and broker host."""
        super().__init__(name="heartbeat", daemon=True)
        self._worker = worker
        # The broker closes a dead process's connection at once, and with it goes its name.
        self._places = [
            (base, sync_client({**host, "client_name": worker})) for base, host in places
        ]
        self._about = about
        self._stopped = threading.Event()

    def beat(self) -> bool:
        """Beat once; returns whether every broker host heard it."""
        about = json.dumps(self._about())
        heard = True
        for base, client in self._places:
            try:
                suspects = client.eval(
                    script("beat")[0],
                    1,
                    f"{base}:meta",
                    base,
                    self._worker,
                    about,
                    FORGET_MS,
                    _SUSPECT_MS,
                )
                if suspects:
                    _forget_the_dead(client, base, suspects)
            except (redis.RedisError, OSError) as error:
                logger.debug("No heartbeat for %s: %s", base, error)
                heard = False
                if isinstance(error, redis.ReadOnlyError):
                    # Demoted to a replica: the address may lead to the new master by now.
                    client.connection_pool.disconnect()
        return heard

    def run(self) -> None:
        """Beat until stopped."""
        while not self._stopped.wait(_INTERVAL):
            self.beat()

    def stop(self) -> None:
        """End the thread, without waiting for a broker that is silent."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=_JOIN_WITHIN)
        for _, client in self._places:
            client.close()


def _forget_the_dead(client: redis.Redis, base: str, suspects: Sequence[bytes]) -> None:
    """Forget the suspects that have no connection, so that what they held is taken at once."""
    try:
        alive = {connection["name"] for connection in client.client_list()}
    except redis.ResponseError as error:
        # Its user may not ask; the dead are found out by their silence, some seconds later.
        logger.debug("Who is connected is not told: %s", error)
        return
    dead = [worker for worker in suspects if worker.decode() not in alive]
    if dead:
        logger.info("Worker %s has died; others take what it held.", dead[0].decode())
        client.zrem(f"{base}:workers", *dead)
        client.hdel(f"{base}:about", *dead)
