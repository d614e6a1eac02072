"""Who opens a WebSocket: the cookies, and the user of the session cookie where there is one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, parse_cookie

from bus.chat import visitors
from bus.consumers.socket import turn_away
from bus.database import threads
from bus.http.null_characters import cookies_without
from bus.protocol.errors import CLOSE_TOO_SLOW, Unavailable


class Identity:
    """ASGI middleware: puts `cookies`, `session` and `user` into the scope; a user whom another
    middleware found is believed.

    Channels' own hops to its one thread for every socket, guests' too, and wraps `send`, which
    hides the server behind it.
    """

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[None]:
        """Pass the handshake on; a user whom the database cannot tell now is to come back."""
        cookies = _cookies(scope)
        if "user" in scope:
            return self.application({**scope, "cookies": cookies}, receive, send)
        key = cookies.get(settings.SESSION_COOKIE_NAME)
        session = _session_store(settings.SESSION_ENGINE)(key)
        known = {**scope, "cookies": cookies, "session": session, "user": AnonymousUser()}
        if key:
            return self._look_up(known, receive, send)
        return self.application(known, receive, send)

    async def _look_up(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            scope["user"] = await threads.run(_user_of, scope["session"])
        except Unavailable:
            await receive()
            await turn_away(scope, send, CLOSE_TOO_SLOW)
        else:
            await self.application(scope, receive, send)


@cache
def _session_store(engine: str) -> Any:
    return import_module(engine).SessionStore


def _cookies(scope: dict[str, Any]) -> dict[str, str]:
    for name, value in scope.get("headers", []):
        if name == b"cookie":
            return cookies_without(parse_cookie(value.decode("latin-1")))
    return {}


def _user_of(session: Any) -> Any:
    request = HttpRequest()
    request.session = session
    user = auth.get_user(request)
    visitors.look_up(user)
    return user
