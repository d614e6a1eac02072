"""A workbench: workers of the test application, messages for them, and what came of these."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from bus.broker import BusChannelLayer
from tests.support.backend import Backend
from tests.support.processes import Fleet, fleet
from tests.support.wait import until

# A message and the key that orders it.
Job = tuple[dict[str, Any], str]
# Sends that are under way at once.
_SENDS = 500


@dataclass(frozen=True)
class Note:
    """What a handler noted; see application.note."""

    what: str
    pid: int
    at: float
    key: str
    n: int


def job(kind: str, n: int, key: str = "", **more: Any) -> Job:
    """A message for the test application."""
    return {"type": f"job.{kind}", "n": n, "key": key, **more}, key


class _Layer(BusChannelLayer):
    """Sends, beside messages, bytes that are none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        encode = self.encode

        def bytes_of(message: dict[str, Any]) -> bytes:
            """The message's bytes, or those that it names."""
            raw: bytes | None = message.get("raw")
            return encode(message) if raw is None else raw

        self.encode = bytes_of


class Bench:
    """One test's channels in the broker, its workers, and its record."""

    def __init__(self, site: Fleet, prefix: str) -> None:
        self.site = site
        self.prefix = prefix
        self.partitions = 16
        self._record = site.backend.directory / f"{prefix}.record"
        self.environment = {
            "CHAOS_RECORD": str(self._record),
            "DJANGO_SETTINGS_MODULE": "tests.support.misbehaving_settings",
            "BUS_PREFIX": prefix,
        }
        site.environment |= self.environment

    def send(self, channel: str, jobs: Iterable[Job]) -> None:
        """Send jobs in order, many at a time."""
        asyncio.run(self.send_all(channel, list(jobs)))

    async def send_all(self, channel: str, jobs: list[Job]) -> None:
        """The same, in a running loop."""
        layer = _Layer(
            hosts=[self.site.backend.url], prefix=self.prefix, partitions=self.partitions
        )
        try:
            for start in range(0, len(jobs), _SENDS):
                await asyncio.gather(
                    *(
                        layer.send(channel, message, ordering_key=key)
                        for message, key in jobs[start : start + _SENDS]
                    )
                )
        finally:
            await layer.close()

    def notes(self, what: str = "") -> list[Note]:
        """What handlers noted, in the order of writing."""
        if not self._record.exists():
            return []
        # The last may be half written.
        lines = self._record.read_text().split("\n")[:-1]
        found = [Note(**json.loads(line)) for line in lines]
        return [note for note in found if what in ("", note.what)]

    def count(self, what: str) -> int:
        """How many notes of a kind there are, without reading them."""
        if not self._record.exists():
            return 0
        return self._record.read_bytes().count(f'"what": "{what}"'.encode())

    def done(self) -> set[int]:
        """The numbers of the jobs that were noted as done."""
        return {note.n for note in self.notes("done")}

    def dead(self, channel: str) -> list[dict[str, bytes]]:
        """The channel's dead letters, with `at`, their time in ms since 1970."""
        with redis.Redis.from_url(self.site.backend.url) as broker:
            rows = broker.xrange(f"{{{self.prefix}:{channel}}}:dead")
        return [
            {**{k.decode(): v for k, v in fields.items()}, "at": entry.split(b"-")[0]}
            for entry, fields in rows
        ]

    def left(self, channel: str) -> int:
        """How many messages wait, are in flight or set aside."""
        base = f"{{{self.prefix}:{channel}}}"
        with redis.Redis.from_url(self.site.backend.url) as broker:
            streams = broker.keys(f"{base}:[0-9]*:[0-9]*")
            return int(sum(broker.xlen(key) for key in streams) + broker.zcard(f"{base}:due"))

    def wait_until_empty(self, channel: str, seconds: float = 40) -> None:
        """Wait until nothing waits, is in flight or set aside."""
        until(lambda: self.left(channel) == 0, f"an empty channel {channel}", seconds)


@contextmanager
def bench(backend: Backend, name: str, **environ: str) -> Iterator[Bench]:
    """A workbench while the block runs; `environ` is for its workers."""
    with fleet(backend, name, **environ) as site:
        yield Bench(site, f"{name}{uuid.uuid4().hex[:6]}")


def now() -> float:
    """The clock of notes."""
    return time.monotonic()
