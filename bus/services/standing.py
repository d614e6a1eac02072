"""What the people of many sockets may do now, read in a handful of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from bus.models import Room
from bus.services import access
from bus.services.access import Rights


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of some places, users and logins."""

    # By room id and author key; missing where the room is gone.
    rights: dict[tuple[int, str], Rights]
    # The password hashes of those who are active, by user id.
    passwords: dict[int, str]
    # The keys of HTTP sessions that are there and not expired.
    logins: set[str]


def read(
    places: Iterable[tuple[int, str]], users: Iterable[int], logins: Iterable[str]
) -> Standing:
    """Look all of them up; (room id, author key) pairs, user ids, and keys of HTTP sessions."""
    keys: dict[int, set[str]] = {}
    for room_id, key in places:
        keys.setdefault(room_id, set()).add(key)
    rooms = Room.objects.filter(pk__in=keys) if keys else []
    active = User.objects.filter(pk__in=list(users), is_active=True)
    return Standing(
        rights=access.rights({room: keys[room.pk] for room in rooms}, here=True),
        passwords=dict(active.values_list("pk", "password")),
        logins=_live(set(logins)),
    )


def _live(keys: set[str]) -> set[str]:
    """Those of these HTTP sessions that live; all, where the engine has no table to ask."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not keys or not hasattr(store, "get_model_class"):
        return keys
    rows = store.get_model_class().objects.filter(
        session_key__in=keys, expire_date__gt=timezone.now()
    )
    return set(rows.values_list("session_key", flat=True))
