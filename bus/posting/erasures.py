"""What removed and changed texts are still to be taken out of: the broker's copies, and files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import connection

from bus.chat import clock, rooms
from bus.models import Erasure, Message, Room

# Erasures of one round.
LIMIT = 1000
# A checkpoint that waits for readers keeps writers waiting: no longer than this, in ms.
_PATIENCE_MS = 200


def note(room: Room, rows: Iterable[Message], *, searched: bool = False) -> None:
    """Have the texts that these messages had forgotten; in the transaction that takes them out.

    `searched` where the broker's streams have none of them, and its files alone may.
    """
    now = clock.now()
    Erasure.objects.bulk_create(
        Erasure(
            room_name=room.name,
            author_key=row.author_key,
            client_id=row.client_id,
            sent_at=row.created_at,
            at=now,
            searched=searched,
        )
        for row in rows
    )


def to_search() -> list[Erasure]:
    """Those that the broker's streams may still have, the oldest first."""
    return list(Erasure.objects.filter(searched=False).order_by("pk")[:LIMIT])


def named_as(names: Iterable[str]) -> dict[str, str]:
    """What rooms are called that messages spell so."""
    return rooms.names_of(names)


def searched(done: Sequence[Erasure]) -> None:
    """Note that the broker's streams have none of these."""
    Erasure.objects.filter(pk__in=[each.pk for each in done]).update(searched=True)


def newest() -> int:
    """The newest one that files alone may still have; 0 where there is none."""
    return Erasure.objects.filter(searched=True).values_list("pk", flat=True).last() or 0


def finish(newest: int) -> None:
    """Forget those up to this one: no file has them any more."""
    Erasure.objects.filter(pk__lte=newest, searched=True).delete()


def sent_since(erasures: Sequence[Erasure]) -> dt.datetime:
    """When the first of their messages was sent."""
    return min(each.sent_at for each in erasures)


def empty_log() -> bool:
    """Take old pages out of SQLite's write-ahead log; False where readers kept it from that.

    Pages in the file itself are overwritten as they are freed (`secure_delete`). Other databases
    have ways of their own: see docs/how-to/operate.md.
    """
    if connection.vendor != "sqlite":
        return True
    usual = int(settings.DATABASES["default"].get("OPTIONS", {}).get("timeout", 5) * 1000)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()[0]
        finally:
            cursor.execute(f"PRAGMA busy_timeout={usual}")
    return not busy
