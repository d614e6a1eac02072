"""Publishes to every process whose rights or names changed; what they are, each looks up."""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from django.db import transaction

from bus.messaging import background, publisher
from bus.protocol.types import RoomAuthor

# The type of the group message.
CHANGED = "rights.changed"
# A change that names more than this asks for a look at everybody.
_NAMED_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """Whose rights, or names, have changed."""

    # Author keys, for what concerns all that they do.
    authors: tuple[str, ...] = ()
    # What an author may do in a room.
    room_authors: tuple[RoomAuthor, ...] = ()
    rooms: tuple[int, ...] = ()
    # The digests of HTTP sessions that were signed out.
    logins: tuple[str, ...] = ()
    # Author keys of those who are called otherwise now.
    renamed: tuple[str, ...] = ()
    # What stands for networks in whose guests a sanction is, or is no more.
    networks: tuple[str, ...] = ()


# What the next task publishes.
_waiting: list[Change] = []
_lock = threading.Lock()


def publish_on_commit(change: Change) -> None:
    """Publish to every process, once the running transaction has committed.

    It never waits and never fails. What the broker does not take, each process finds by itself:
    when it hears the broker again, and every BUS_RIGHTS_CHECK seconds.
    """
    transaction.on_commit(partial(_publish_soon, change), robust=True)


def _publish_soon(change: Change) -> None:
    with _lock:
        _waiting.append(change)
        first = len(_waiting) == 1
    if first:
        background.tasks.run(_publish)


async def _publish() -> None:
    with _lock:
        changes = list(_waiting)
        _waiting.clear()
    named: dict[str, Any] = {
        field.name: sorted({one for change in changes for one in getattr(change, field.name)})
        for field in fields(Change)
    }
    if sum(map(len, named.values())) > _NAMED_LIMIT:
        named = {"all": True}
    else:
        # Named as processes of the release before name it, beside which ours run for a while.
        named["places"] = named.pop("room_authors")
    await publisher.publish_to_processes({"type": CHANGED, **named})
