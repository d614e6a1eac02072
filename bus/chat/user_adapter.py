"""What a project says of its users: names, avatars, profiles and roles, by hooks of its own.

What a hook raises is logged, and the default stands in; only an outage of the database is raised.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import EmailField
from django.utils.module_loading import import_string

from bus.conf import conf
from bus.models import Member, Room
from bus.protocol import types, user_ids
from bus.protocol.objects import Author

logger = logging.getLogger(__name__)

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
# The least first.
_ROLES: Final = (Member.Role.MEMBER, Member.Role.MODERATOR, Member.Role.OWNER)


class UserAdapter:
    """How users are shown and what they may do; a project extends it (BUS_USER_ADAPTER)."""

    # Relations of the user model that the hooks look at: read together with the users.
    select_related: Iterable[str] = ()

    def display_name(self, user: AbstractBaseUser) -> str:
        """What others read: the user name; an e-mail address is shown to nobody, so for one the
        short name, the full name, or what is before the @."""
        name = str(user.get_username())
        if not _is_address(user, name):
            return name
        for known in ("get_short_name", "get_full_name"):
            other = str(getattr(user, known, str)() or "").strip()
            if other and not _EMAIL.fullmatch(other):
                return other
        return name.partition("@")[0]

    def avatar_url(self, user: AbstractBaseUser) -> str | None:
        """A picture of the user: an absolute URL, or a path; None is their first letter."""
        return None

    def profile_url(self, user: AbstractBaseUser) -> str | None:
        """The page about the user: an absolute URL, or a path."""
        return None

    def role(self, user: AbstractBaseUser, room: Room) -> str | None:
        """`owner`, `moderator` or `member` of a room by the project's rules; the higher one of it
        and the membership's holds."""
        return None

    def moderators(self, room: Room) -> Iterable[AbstractBaseUser]:
        """Those whom `role` makes moderators or owners: they hear of the room's reviews."""
        return ()

    def rooms(self, user: AbstractBaseUser) -> Iterable[Room]:
        """The private rooms that `role` opens to a user: the lobby lists them."""
        return ()

    def joined_at(self, user: AbstractBaseUser) -> dt.datetime | None:
        """When the account was made; None where nobody knows."""
        made: dt.datetime | None = getattr(user, "date_joined", None)
        return made


@dataclass(frozen=True, slots=True)
class Profile:
    """What others see of somebody."""

    name: str
    avatar_url: str | None = None
    profile_url: str | None = None

    def author(self, id: int | str | None) -> Author:
        """As the author of messages, under this id."""
        return _author(id, self)


def current() -> UserAdapter:
    """The project's adapter (BUS_USER_ADAPTER); raises ImportError."""
    return _made(conf.user_adapter)


def profile_of(user: AbstractBaseUser) -> Profile:
    """What others see of a user now."""
    name = _ask("display_name", str, user) or UserAdapter().display_name(user)
    return Profile(
        _readable(str(name)),
        _link(_ask("avatar_url", _nothing, user)),
        _link(_ask("profile_url", _nothing, user)),
    )


def grants_roles() -> bool:
    """Whether the project gives roles by rules of its own."""
    return type(current()).role is not UserAdapter.role


def role_of(user: AbstractBaseUser, room: Room, role: str | None) -> str | None:
    """The role of a user in a room, where they have this one as a member, or none."""
    given = _ask("role", _nothing, user, room)
    if given is not None and given not in Member.Role.values:
        logger.error("%s gave the role %r, which is none.", conf.user_adapter, given)
        given = None
    known = [each for each in _ROLES if each in (given, role)]
    return known[-1].value if known else None


def moderators_of(room: Room) -> list[str]:
    """The author keys of those who moderate a room by the project's rules."""
    found: list[str] = _ask(
        "moderators", list, room, read=lambda users: [user_ids.key_of(user.pk) for user in users]
    )
    return found


def names_rooms() -> bool:
    """Whether the project says which rooms its rules open."""
    return type(current()).rooms is not UserAdapter.rooms


def rooms_of(user: AbstractBaseUser, most: int) -> set[int]:
    """The ids of the rooms that the project's rules open to a user; so many at most."""
    found: set[int] = _ask(
        "rooms", set, user, read=lambda rooms: {room.pk for room in islice(rooms, most)}
    )
    return found


def joined_at(user: AbstractBaseUser) -> dt.datetime | None:
    """When an account was made; None where nobody knows."""
    made: dt.datetime | None = _ask("joined_at", _nothing, user)
    return made


@lru_cache(4)
def _made(path: str) -> UserAdapter:
    adapter: UserAdapter = import_string(path)()
    return adapter


def _ask(
    hook: str,
    default: Callable[[], Any],
    *about: Any,
    read: Callable[[Any], Any] = lambda answer: answer,
) -> Any:
    """What a hook says; what the default does where it fails."""
    adapter = current()
    if getattr(type(adapter), hook) is getattr(UserAdapter, hook):
        return read(getattr(adapter, hook)(*about))
    try:
        if not connection.in_atomic_block:
            return read(getattr(adapter, hook)(*about))
        # A statement that fails must not take the caller's transaction with it.
        with transaction.atomic():
            return read(getattr(adapter, hook)(*about))
    except Exception as error:
        if _is_outage(error):
            raise
        logger.exception("%s.%s failed; the default stands in.", conf.user_adapter, hook)
        return default()


def _is_outage(error: Exception) -> bool:
    """Whether the database is away or busy, and not just asked something wrong."""
    if not isinstance(error, OperationalError):
        return isinstance(error, InterfaceError)
    return "locked" in str(error) or not connection.is_usable()


def _nothing() -> Any:
    return None


def _is_address(user: AbstractBaseUser, name: str) -> bool:
    """Whether a user name is an e-mail address, which is not for everybody."""
    if not _EMAIL.fullmatch(name):
        return False
    field = user._meta.get_field(get_user_model().USERNAME_FIELD)
    email = getattr(user, user.get_email_field_name(), None)
    return isinstance(field, EmailField) or str(email).casefold() == name.casefold()


@lru_cache(10_000)
def _readable(name: str) -> str:
    return Author.of_stored(None, name).name


@lru_cache(10_000)
def _author(id: int | str | None, profile: Profile) -> Author:
    # Asked for with every message, and checked letter by letter.
    return Author.of_stored(id, profile.name, profile.avatar_url, profile.profile_url)


def _link(url: Any) -> str | None:
    if not url:
        return None
    found = types.link(str(url))
    if found is None:
        logger.error("%s gave %r, which is no link.", conf.user_adapter, url)
    return found
