"""Who somebody is: a user, a guest or a backend service, and the key that tells each from all."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from bus.chat import guest_networks, user_adapter
from bus.chat.user_adapter import Profile
from bus.protocol import user_ids
from bus.protocol.objects import Author

# Where a user's instance keeps what the project's hooks said of them a moment ago.
_KNOWN = "_bus_profile"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: a user, or a guest who has a key and a name of our making."""

    key: str
    id: int | str
    name: str
    # The primary key of a user.
    user_id: Any = None
    # A guest who was made up a moment ago, and so never did anything before.
    new: bool = False
    # Of a guest: what stands for where they come from (chat.guest_networks); "" where nobody knows.
    network: str = ""
    avatar_url: str | None = None
    profile_url: str | None = None

    @property
    def guest(self) -> bool:
        """Whether it is not a signed-in user."""
        return self.user_id is None

    @property
    def author(self) -> Author:
        """As the author of messages."""
        return self.profile.author(self.id)

    @property
    def profile(self) -> Profile:
        """What others see."""
        return Profile(self.name, self.avatar_url, self.profile_url)


def visitor_of_user(user: AbstractBaseUser | AnonymousUser | None) -> Visitor | None:
    """A user who is signed in; None for nobody, and for one who is deactivated."""
    if user is None or not (user.is_authenticated and user.is_active):
        return None
    return of_user(user, getattr(user, _KNOWN, None) or user_adapter.profile_of(user))


def of_user(user: AbstractBaseUser, profile: Profile) -> Visitor:
    """A user as a visitor who is shown like this."""
    return Visitor(
        key=user_ids.key_of(user.pk),
        id=user_ids.public_id(user.pk),
        name=profile.name,
        user_id=user.pk,
        avatar_url=profile.avatar_url,
        profile_url=profile.profile_url,
    )


def look_up(user: Any) -> None:
    """Ask the project's hooks now, since they may ask the database, what a user is shown like."""
    if user.is_authenticated and user.is_active:
        setattr(user, _KNOWN, user_adapter.profile_of(user))


def is_looked_up(user: Any) -> bool:
    """Whether `visitor_of_user` need not ask the project's hooks."""
    return not user.is_authenticated or hasattr(user, _KNOWN)


def new_guest() -> Visitor:
    """A guest who was never here before."""
    key = f"g{secrets.token_hex(8)}"
    return Visitor(key=key, id=key, name=f"guest-{key[1:5]}", new=True)


def with_network(visitor: Visitor, network: str) -> Visitor:
    """The visitor, of a guest with what stands for the network (http.client_address)."""
    return replace(visitor, network=guest_networks.digest(network)) if visitor.guest else visitor


def networks_of(visitors: Iterable[Visitor]) -> dict[str, set[str]]:
    """What stands for where guests come from, by author key."""
    found: dict[str, set[str]] = {}
    for visitor in visitors:
        if visitor.network:
            found.setdefault(visitor.key, set()).add(visitor.network)
    return found


def author_key(author: Author) -> str:
    """What tells one author from all others: of a user, a guest, or a service's name."""
    return user_ids.author_key(author.id) if author.id else service_key(author.name)


def service_key(name: str) -> str:
    """The author key of a backend service, which has a name alone."""
    return f"s{name}"[:64]
