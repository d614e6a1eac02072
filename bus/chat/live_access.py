"""What the people of many sockets may do now, read in a handful of queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.utils import timezone

from bus.chat import room_rights
from bus.chat.room_rights import Rights
from bus.models import Message, Room
from bus.protocol.objects import Author
from bus.protocol.types import RoomAuthor


@dataclass(frozen=True, slots=True)
class LiveAccess:
    """What the database says of some authors in rooms, users and logins."""

    # By room id and author key; missing where the room is gone.
    rights: dict[RoomAuthor, Rights]
    # The password hashes of those who are active, by user id.
    passwords: dict[int, str]
    # The keys of HTTP sessions that are there and not expired.
    logins: set[str]
    # What those who are active are called, by user id.
    names: dict[int, str]


def read(
    room_authors: Iterable[RoomAuthor],
    users: Iterable[int],
    logins: Iterable[str],
    networks: Mapping[str, Collection[str]],
) -> LiveAccess:
    """Look all of them up.

    Authors in rooms, user ids, keys of HTTP sessions, and where guests come from.
    """
    keys: dict[int, set[str]] = {}
    for room_id, key in room_authors:
        keys.setdefault(room_id, set()).add(key)
    rooms = Room.objects.filter(pk__in=keys) if keys else []
    active = User.objects.filter(pk__in=list(users), is_active=True)
    rows = list(active.values_list("pk", "password", "username"))
    return LiveAccess(
        rights=room_rights.rights(
            {room: keys[room.pk] for room in rooms}, networks=networks, here=True
        ),
        passwords={pk: password for pk, password, _ in rows},
        logins=_live(set(logins)),
        names={pk: name for pk, _, name in rows},
    )


def renamed(keys: Iterable[str], rooms: Collection[int]) -> dict[Author, list[Room]]:
    """What these authors are called now, each with those of the rooms where messages show it."""
    users = User.objects.filter(pk__in=[int(key[1:]) for key in keys])
    found: dict[Author, list[Room]] = {}
    for pk, name in users.values_list("pk", "username"):
        theirs = Message.objects.filter(room=OuterRef("pk"), author_key=f"u{pk}")
        shown = Room.objects.filter(Exists(theirs), pk__in=rooms).only("name")
        found[Author.of_stored(pk, name)] = list(shown)
    return found


def _live(keys: set[str]) -> set[str]:
    """Those of these HTTP sessions that live; all, where the engine has no table to ask."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not keys or not hasattr(store, "get_model_class"):
        return keys
    rows = store.get_model_class().objects.filter(
        session_key__in=keys, expire_date__gt=timezone.now()
    )
    return set(rows.values_list("session_key", flat=True))
