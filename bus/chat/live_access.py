"""What the people of many sockets may do now, read in a handful of queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from bus.chat import room_rights, user_adapter, users
from bus.chat.room_rights import Rights
from bus.chat.user_adapter import Profile
from bus.models import Message, Room
from bus.protocol import user_ids
from bus.protocol.objects import Author
from bus.protocol.types import RoomAuthor


@dataclass(frozen=True, slots=True)
class LiveAccess:
    """What the database says of some authors in rooms, users and logins."""

    # By room id and author key; missing where the room is gone.
    rights: dict[RoomAuthor, Rights]
    # The password hashes of those who are active, by author key.
    passwords: dict[str, str]
    # The keys of HTTP sessions that are there and not expired.
    logins: set[str]
    # What those who are active are shown like, by author key.
    profiles: dict[str, Profile]


def read(
    room_authors: Iterable[RoomAuthor],
    people: Iterable[str],
    logins: Iterable[str],
    networks: Mapping[str, Collection[str]],
) -> LiveAccess:
    """Look all of them up.

    Authors in rooms, author keys, keys of HTTP sessions, and where guests come from.
    """
    keys: dict[int, set[str]] = {}
    for room_id, key in room_authors:
        keys.setdefault(room_id, set()).add(key)
    rooms = Room.objects.filter(pk__in=keys) if keys else []
    active = users.active(people)
    return LiveAccess(
        rights=room_rights.rights(
            {room: keys[room.pk] for room in rooms}, networks=networks, here=True
        ),
        passwords={key: users.password_of(user) for key, user in active.items()},
        logins=_live(set(logins)),
        profiles={key: user_adapter.profile_of(user) for key, user in active.items()},
    )


def renamed(keys: Iterable[str], rooms: Collection[int]) -> dict[Author, list[Room]]:
    """What these authors are called now, each with those of the rooms where messages show it."""
    found: dict[Author, list[Room]] = {}
    for key, user in users.by_keys(keys).items():
        theirs = Message.objects.filter(room=OuterRef("pk"), author_key=key)
        shown = Room.objects.filter(Exists(theirs), pk__in=rooms).only("name")
        author = user_adapter.profile_of(user).author(user_ids.public_id(user.pk))
        found[author] = list(shown)
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
