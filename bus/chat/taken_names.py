"""Who has which name: of people, as of rooms, no two that look alike."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Exists, OuterRef

from bus.chat import clock, name_policy, user_adapter, users
from bus.models import Message, Room, TakenName
from bus.moderation import lookalike
from bus.protocol import user_ids
from bus.protocol.errors import Conflict

PERSON: Final = TakenName.Kind.PERSON
ROOM: Final = TakenName.Kind.ROOM
# What was taken for somebody who is not there by then was not given after all: storing failed.
_UNDER_WAY: Final = dt.timedelta(minutes=1)
# What guests are called, as it looks: `guest-1a2b`.
_GUEST: Final = re.compile("guest[2-9a-fol]{4}")


def take(kind: str, name: str, key: str = "", *, by_service: bool = False) -> None:
    """Have a name, before whoever is to have it is stored; raises Conflict.

    `key` is the author key of who has another one so far, or of the service that wants it.
    """
    if kind == PERSON and is_a_guests(name):
        raise Conflict("This is what guests are called.", field="name")
    left_by = key if by_service else ""
    values = {"name": name, "left_by": left_by, "held_by": "", "taken_at": clock.now()}
    taken, new = TakenName.objects.get_or_create(
        kind=kind, skeleton=lookalike(name), defaults=values
    )
    if new or (by_service and taken.left_by.startswith("s")):
        # Services are told apart by nobody but their owners.
        return
    # Of two that want the very same, the unique name of users and of rooms decides.
    same = (taken.name, taken.left_by) == (name, left_by)
    if not ((same and _is_unique(taken)) or _is_theirs(taken, key) or is_free(taken)):
        raise _looks_like(taken)
    # Of several who come for what is free, one.
    rows = TakenName.objects.filter(pk=taken.pk, name=taken.name, left_by=taken.left_by)
    if not rows.update(**values):
        raise _looks_like(taken)


def hold(name: str, key: str) -> None:
    """A user who took a name is stored, and has it."""
    rows = TakenName.objects.filter(kind=PERSON, skeleton=lookalike(name), name=name, left_by="")
    rows.filter(held_by="").update(held_by=key)


def check(kind: str, name: str, key: str = "") -> None:
    """Refuse a name that somebody else has, or one that looks like it; raises Conflict.

    `key` is the author key of who asks, or the name of a room that may be meant.
    """
    if kind == PERSON and is_a_guests(name):
        raise Conflict("This is what guests are called.", field="name")
    taken = TakenName.objects.filter(kind=kind, skeleton=lookalike(name)).first()
    if not (taken is None or _is_theirs(taken, key) or is_free(taken)):
        raise _looks_like(taken)


def room_like(name: str) -> Room | None:
    """The room whose name this looks like, where no room is called so itself."""
    taken = TakenName.objects.filter(kind=ROOM, skeleton=lookalike(name)).first()
    return None if taken is None else Room.objects.filter(name=taken.name).first()


def check_guest(name: str) -> None:
    """Refuse a guest's name that looks like that of a user or of the house; raises Conflict."""
    if is_a_guests(name):
        return
    if name_policy.is_reserved(name):
        raise Conflict("This name is reserved.", field="guest")
    check(PERSON, name)


def leave(kind: str, name: str, key: str) -> None:
    """Somebody is called otherwise now, or is gone."""
    rows = TakenName.objects.filter(kind=kind, skeleton=lookalike(name))
    if kind == ROOM:
        # Its messages go with it, or are shown under its other name.
        rows.filter(name=name, left_by="").delete()
        return
    theirs = rows.filter(name=name, left_by="", held_by__in=("", key))
    if not theirs.update(left_by=key, held_by="") and not rows.exists():
        # It was given by a way that nobody was told of.
        TakenName.objects.create(kind=kind, skeleton=lookalike(name), name=name, left_by=key)


def is_a_guests(name: str) -> bool:
    """Whether it looks like the name of a guest."""
    return _GUEST.fullmatch(lookalike(name)) is not None


def is_free(taken: TakenName) -> bool:
    """Whether nobody has it, and nothing shows it."""
    if taken.left_by:
        return not _is_shown(taken)
    return holder(taken) is None and taken.taken_at < clock.now() - _UNDER_WAY


def holder(taken: TakenName) -> str | None:
    """The author key of the user, or the name of the room, that has it; None where none has."""
    if taken.kind == ROOM:
        return Room.objects.filter(name=taken.name).values_list("name", flat=True).first()
    user = _user(taken)
    return None if user is None else user_ids.key_of(user.pk)


def _user(taken: TakenName) -> AbstractBaseUser | None:
    """The user who has a name: as was told, or whose user name it is."""
    for found in (
        lambda: users.by_keys([taken.held_by]).get(taken.held_by),
        lambda: users.all_users().filter(**{_user_name(): taken.name}).first(),
    ):
        user = found()
        if user is not None and user_adapter.profile_of(user).name == taken.name:
            return user
    return None


def _user_name() -> str:
    return str(get_user_model().USERNAME_FIELD)


def _is_unique(taken: TakenName) -> bool:
    """Whether the database has a name once at most: rooms', and the user names of users."""
    if taken.kind == ROOM:
        return True
    user = _user(taken)
    return user is None or user.get_username() == taken.name


def _is_theirs(taken: TakenName, key: str) -> bool:
    return bool(key) and key == (taken.left_by or holder(taken))


def _is_shown(taken: TakenName) -> bool:
    # By room, since that is what the index of messages begins with.
    theirs = Message.objects.filter(
        room=OuterRef("pk"), author_key=taken.left_by, author_name=taken.name
    )
    return Room.objects.filter(Exists(theirs)).exists()


def _looks_like(taken: TakenName) -> Conflict:
    whose = "that of another room" if taken.kind == ROOM else "somebody else's"
    return Conflict(f"This name looks like {whose}.", field="name")
