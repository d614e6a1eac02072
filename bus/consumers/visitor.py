"""Who opened a WebSocket, by the scope that the Identity middleware filled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bus.chat import users, visitors
from bus.chat.guest_tokens import guest_token, visitor_of_cookies
from bus.chat.logins import Login
from bus.chat.visitors import Visitor, visitor_of_user
from bus.database import threads
from bus.http.guest_cookie import set_cookie_header
from bus.http.script_name import root_of


async def visitor_of_scope(scope: Mapping[str, Any]) -> Visitor:
    """Who opened a WebSocket; somebody without a cookie is a new guest. Raises Unavailable."""
    user = scope.get("user")
    if user is not None and not visitors.is_looked_up(user):
        # Another middleware than ours said who it is.
        await threads.run(visitors.look_up, user)
    known = visitor_of_user(user)
    return known or visitor_of_cookies(scope.get("cookies", {}))


def login_of_scope(scope: Mapping[str, Any]) -> Login | None:
    """The HTTP session behind a WebSocket; None for guests, and without sessions."""
    user = scope.get("user")
    key = getattr(scope.get("session"), "session_key", None)
    if not key or user is None or not (user.is_authenticated and user.is_active):
        return None
    return Login(key, hash(users.password_of(user)))


def set_cookie_headers(scope: Mapping[str, Any], visitor: Visitor) -> list[tuple[bytes, bytes]]:
    """The cookie by which a new guest stays the same guest; none for who shows it already."""
    if not visitor.new:
        # A guest who is none came with a token that was good.
        return []
    cookie = set_cookie_header(guest_token(visitor), root_of(scope))
    return [(b"set-cookie", cookie.encode("latin-1"))]
