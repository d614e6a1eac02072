"""Who somebody is: a user, a guest or a backend service, and the key that tells each from all."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from bus.chat import guest_networks
from bus.protocol.objects import Author


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: a user, or a guest who has a key and a name of our making."""

    key: str
    id: int | str
    name: str
    user_id: int | None = None
    # A guest who was made up a moment ago, and so never did anything before.
    new: bool = False
    # Of a guest: what stands for where they come from (chat.guest_networks); "" where nobody knows.
    network: str = ""

    @property
    def guest(self) -> bool:
        """Whether it is not a signed-in user."""
        return self.user_id is None

    @property
    def author(self) -> Author:
        """As the author of messages."""
        return _author(self.id, self.name)


@lru_cache(10_000)
def _author(id: int | str, name: str) -> Author:
    # Asked for with every message, and checked letter by letter; a guest's name is our own.
    if isinstance(id, str):
        return Author.model_construct(id=id, name=name)
    return Author.of_stored(id, name)


def visitor_of_user(user: AbstractBaseUser | AnonymousUser | None) -> Visitor | None:
    """A user who is signed in; None for nobody, and for one who is deactivated."""
    if user is None or not (user.is_authenticated and user.is_active):
        return None
    return Visitor(key=f"u{user.pk}", id=user.pk, name=user.get_username(), user_id=user.pk)


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
    if isinstance(author.id, int):
        return f"u{author.id}"
    return author.id if author.id else service_key(author.name)


def service_key(name: str) -> str:
    """The author key of a backend service, which has a name alone."""
    return f"s{name}"[:64]
