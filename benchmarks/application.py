"""What the workers of the benchmarks run; every message handled is counted in `Tally`."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from channels.consumer import AsyncConsumer, SyncConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter

from bus.broker import Delivery
from bus.protocol import channel_names
from bus.workers.base import BatchConsumer, Failures
from bus.workers.moderation import ModerationWorker

_WORDS = re.compile(r"\b(damn|hell|shit|fuck|crap|spam)\b", re.IGNORECASE)


class Tally:
    """How many messages this process handled, and when the first and the last; told in a file."""

    count = 0
    first = last = 0.0
    _path = Path(os.environ.get("BENCH_TALLY", "."), f"{os.getpid()}.tally")

    @classmethod
    def add(cls, count: int = 1) -> None:
        """Count what was handled."""
        cls.last = time.monotonic()
        if not cls.count:
            cls.first = cls.last
            threading.Thread(target=cls._tell, daemon=True).start()
        cls.count += count

    @classmethod
    def _tell(cls) -> None:
        while True:
            draft = cls._path.with_suffix(".draft")
            draft.write_text(f"{cls.count} {cls.first} {cls.last}")
            draft.replace(cls._path)
            time.sleep(0.05)


class Noop(AsyncConsumer):
    """An unmodified Channels consumer that does nothing."""

    async def bench_message(self, message: dict[str, Any]) -> None:
        """Count it."""
        Tally.add()


class SyncNoop(SyncConsumer):
    """An unmodified synchronous one, whose handler runs in the database thread."""

    def bench_message(self, message: dict[str, Any]) -> None:
        """Count it."""
        Tally.add()


class BatchNoop(BatchConsumer):
    """One of Bus's own, which takes lists."""

    async def _parse_and_handle(self, deliveries: Sequence[Delivery]) -> Failures:
        # The messages of the benchmark have no schema.
        Tally.add(len(deliveries))
        return {}

    async def handle(self, batch: Sequence[tuple[Delivery, Any]]) -> Failures:
        """Never called."""
        return {}


class Moderate(AsyncConsumer):
    """What people write with stock Channels: check for words, tell the room; nothing is stored."""

    async def bench_message(self, message: dict[str, Any]) -> None:
        """Star the bad words out and broadcast."""
        body = _WORDS.sub("***", message["body"])
        event = {"type": "chat.message", "body": body, "author": message["author"]}
        await self.channel_layer.group_send(message["room"], event)
        Tally.add()


application = ProtocolTypeRouter(
    {
        "channel": ChannelNameRouter(
            {
                "noop": Noop.as_asgi(),
                "noop-sync": SyncNoop.as_asgi(),
                "noop-batch": BatchNoop.as_asgi(),
                "moderate": Moderate.as_asgi(),
                channel_names.MODERATION: ModerationWorker.as_asgi(),
            }
        )
    }
)
