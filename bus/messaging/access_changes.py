"""Tells every process whose rights or names have changed; what they are now, each looks up."""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from django.db import transaction

from bus.messaging import publisher

# The type of the group message.
CHANGED = "rights.changed"
# A change that names more than this asks for a look at everybody.
_NAMED_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """Whose rights, or names, have changed."""

    # Author keys, for what concerns all that they do.
    authors: tuple[str, ...] = ()
    # (room id, author key): what an author may do in a room.
    places: tuple[tuple[int, str], ...] = ()
    rooms: tuple[int, ...] = ()
    # The digests of HTTP sessions that were signed out.
    logins: tuple[str, ...] = ()
    # Author keys of those who are called otherwise now.
    renamed: tuple[str, ...] = ()
    # What stands for networks in whose guests a sanction is, or is no more.
    networks: tuple[str, ...] = ()


# What the next errand tells.
_untold: list[Change] = []
_lock = threading.Lock()


def tell(change: Change) -> None:
    """Tell every process, once the running transaction has committed.

    It never waits and never fails. What the broker does not take, each process finds by itself:
    when it hears the broker again, and every BUS_RIGHTS_CHECK seconds.
    """
    transaction.on_commit(partial(_tell_soon, change), robust=True)


def _tell_soon(change: Change) -> None:
    with _lock:
        _untold.append(change)
        first = len(_untold) == 1
    if first:
        publisher.errands.run(_tell)


async def _tell() -> None:
    with _lock:
        changes = list(_untold)
        _untold.clear()
    told: dict[str, Any] = {
        field.name: sorted({one for change in changes for one in getattr(change, field.name)})
        for field in fields(Change)
    }
    if sum(len(named) for named in told.values()) > _NAMED_LIMIT:
        told = {"all": True}
    await publisher.tell_processes({"type": CHANGED, **told})
