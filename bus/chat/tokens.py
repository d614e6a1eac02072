"""Tokens for `session.authenticate`: who somebody is, in which rooms, and until when."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jwt
from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from bus.chat import rooms, taken_names, user_adapter, users
from bus.chat.visitors import Visitor, of_user
from bus.protocol import user_ids
from bus.protocol.errors import Invalid, NotFound, Unauthenticated
from bus.protocol.types import spelled_name

# A month: who is to come for longer gets another one. In seconds.
MAX_TTL = 30 * 24 * 3600
_ROOMS_LIMIT = 100
_NAME_LIMIT = 150
_ALGORITHM = "HS256"
_REQUIRED = ["sub", "name", "exp"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says."""

    visitor: Visitor
    # In seconds since 1970.
    expires_at: float
    # None is every room that the visitor may enter.
    rooms: frozenset[str] | None = None
    # hash() of the hash of a user's password: a change of the password ends what came by the token.
    password: int | None = None


def for_user(user_id: Any, *, ttl: float, rooms: Iterable[str] | None = None) -> str:
    """A token for a user; raises Invalid, and NotFound where there is none who is active."""
    key = user_ids.key_of(user_id)
    user = users.find(key)
    if user is None:
        raise NotFound(f"There is no active user {user_id}.")
    name = user_adapter.profile_of(user).name
    return _issue(key, name, ttl, rooms, users.password_of(user))


def for_guest(name: str, *, ttl: float, rooms: Iterable[str] | None = None) -> str:
    """A token for a new guest of this name; raises Invalid, and Conflict for a user's name."""
    name = name.strip()
    if not 0 < len(name) <= _NAME_LIMIT or not name.isprintable():
        raise Invalid(f"A guest's name has 1 to {_NAME_LIMIT} printable characters.", field="guest")
    taken_names.check_guest(name)
    return _issue(f"g{secrets.token_hex(8)}", name, ttl, rooms)


def is_token(text: str) -> bool:
    """Whether a text looks like one of these, and not like a guest's own."""
    return text.count(".") == 2 and ":" not in text


def check(text: str) -> Grant:
    """What a token grants.

    Raises Unauthenticated where it is wrong or over, or its user is gone or has another password.
    """
    claims, secret = _claims(text)
    key, name = str(claims["sub"]), str(claims["name"])
    names = claims.get("rooms")
    visitor, password = Visitor(key=key, id=key, name=name), None
    if key.startswith("u"):
        user = users.find(key)
        if user is None:
            raise Unauthenticated("This token's user is not active.")
        proof = str(claims.get("pwd", ""))
        secured_by = users.password_of(user)
        if not constant_time_compare(proof, _fragment(secured_by, secret)):
            raise Unauthenticated("This token's user has another password now; ask for a new one.")
        visitor, password = of_user(user, user_adapter.profile_of(user)), hash(secured_by)
    granted = None if names is None else frozenset(rooms.names_of(names).values())
    return Grant(visitor, float(claims["exp"]), granted, password)


def _issue(
    key: str, name: str, ttl: float, rooms: Iterable[str] | None, password: str | None = None
) -> str:
    if not 1 <= ttl <= MAX_TTL:
        raise Invalid(f"A token lives for 1 to {MAX_TTL} seconds.", field="ttl")
    now = time.time()
    claims: dict[str, Any] = {
        "sub": key,
        "name": name,
        "iat": int(now),
        "exp": math.ceil(now + ttl),
    }
    if rooms is not None:
        claims["rooms"] = _names(rooms)
    if password is not None:
        claims["pwd"] = _fragment(password, settings.SECRET_KEY)
    return jwt.encode(claims, _key(settings.SECRET_KEY), algorithm=_ALGORITHM)


def _names(spelled: Iterable[str]) -> list[str]:
    names = []
    for room in spelled:
        name = spelled_name(room)
        if name is None:
            raise Invalid(f"No room can be called {room!r}.", field="rooms")
        names.append(name)
    if len(names) > _ROOMS_LIMIT:
        raise Invalid(f"A token names {_ROOMS_LIMIT} rooms at most.", field="rooms")
    return names


def _claims(text: str) -> tuple[dict[str, Any], str | bytes]:
    """What a token says, and the secret that it was signed with."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            claims = jwt.decode(
                text, _key(secret), algorithms=[_ALGORITHM], options={"require": _REQUIRED}
            )
            return claims, secret
        except jwt.InvalidSignatureError:
            continue
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("This token is over; ask for a new one.") from None
        except jwt.InvalidTokenError:
            break
    raise Unauthenticated("This token is not valid.")


def _key(secret: str | bytes) -> bytes:
    # A key of its own: what signs cookies signs nothing else.
    return salted_hmac("bus.tokens", "", secret=secret, algorithm="sha256").digest()


def _fragment(password: str, secret: str | bytes) -> str:
    """What a token knows of the hash of a password: enough to see that it is another one."""
    return salted_hmac(
        "bus.tokens.password", password, secret=secret, algorithm="sha256"
    ).hexdigest()[:32]
