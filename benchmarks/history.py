"""A room with a long history, and how long a person waits for parts of it."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

# Joins and pages of one measurement.
ASKED = 300
# Missed by who comes back.
MISSED = 50

_FILL = """
WITH RECURSIVE n(seq) AS (SELECT %s UNION ALL SELECT seq + 1 FROM n WHERE seq < %s)
INSERT INTO {messages} (room_id, seq, changed, status, author_key, author_name, client_id, body,
                        reason, created_at, posted_at)
SELECT %s, seq, seq, 'posted', 'g' || (seq %% 97), 'guest', 'h' || seq,
       'What was said long ago, at ' || seq, '', '2026-01-01 00:00:00', '2026-01-01 00:00:00'
FROM n
"""


def fill(name: str, count: int) -> None:
    """Make a room whose history has at least that many messages."""
    from django.db import connection, transaction

    from bus.models import Message, Room

    room, _ = Room.objects.get_or_create(name=name, defaults={"access": "open"})
    if room.head < count:
        with transaction.atomic(), connection.cursor() as cursor:
            sql = _FILL.format(messages=Message._meta.db_table)
            cursor.execute(sql, [room.head + 1, count, room.pk])
            Room.objects.filter(pk=room.pk).update(head=count)
    connection.close()


def waits(port: int, room: str) -> dict[str, float]:
    """p99 of joining with and without `since`, and of a page at a random place, in ms."""
    return asyncio.run(_waits(port, room))


async def _waits(port: int, room: str) -> dict[str, float]:
    times: dict[str, list[float]] = {"join": [], "since": [], "page": []}
    async with connect(f"ws://127.0.0.1:{port}/ws/", max_size=None) as socket:
        for _ in range(ASKED):
            head = (await _ask(socket, times["join"], "room.join", room=room))["seq"]
            since = max(0, head - MISSED)
            await _ask(socket, times["since"], "room.join", room=room, since=since)
            before = random.randint(1, head + 1)
            await _ask(socket, times["page"], "history.list", room=room, before=before)
    return {kind: 1000 * statistics.quantiles(found, n=100)[98] for kind, found in times.items()}


async def _ask(socket: ClientConnection, times: list[float], kind: str, **data: Any) -> Any:
    began = time.perf_counter()
    await socket.send(json.dumps({"ref": "1", "type": kind, "data": data}))
    while True:
        frame = json.loads(await socket.recv())
        for item in frame if isinstance(frame, list) else [frame]:
            if item.get("ref") == "1":
                times.append(time.perf_counter() - began)
                if not item["ok"]:
                    raise RuntimeError(item["error"])
                return item["data"]
