"""Refuses WebSockets that a foreign page opens in a visitor's browser."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

from bus.conf import conf

logger = logging.getLogger(__name__)

_DEFAULT_PORTS = {"http": "80", "https": "443"}
# What Django allows while DEBUG is on and ALLOWED_HOSTS is empty.
_DEBUG_HOSTS = [".localhost", "127.0.0.1", "[::1]"]


class OriginGuard:
    """ASGI middleware: a handshake with a foreign `Origin` is answered with 403.

    Browsers always send `Origin`, and send cookies along; whoever sends none is no browser.
    """

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[None]:
        """Pass the handshake on or refuse it; settings are read now, not at import."""
        foreign = _foreign_origins(scope)
        if not foreign:
            return self.application(scope, receive, send)
        logger.warning(
            "A WebSocket of %s was refused: the page's origin is not allowed. Name it in "
            "CSRF_TRUSTED_ORIGINS or BUS_ALLOWED_ORIGINS if it is yours.",
            ", ".join(map(repr, foreign)),
        )
        return refuse(receive, send)


def _foreign_origins(scope: dict[str, Any]) -> list[str]:
    """The origins of a handshake, if one of them is not allowed."""
    headers = [(name, value.decode("latin-1")) for name, value in scope.get("headers", [])]
    origins = [value for name, value in headers if name == b"origin"]
    host = _host(headers)
    return [] if all(is_allowed(origin, host) for origin in origins) else origins


async def refuse(receive: Any, send: Any) -> None:
    """Answer a handshake with 403."""
    await receive()
    await send({"type": "websocket.close"})


async def nowhere(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Where paths lead that nothing is at."""
    await refuse(receive, send)


def is_allowed(origin: str, host: str) -> bool:
    """Whether a page of this origin may connect to this host."""
    try:
        page = urlsplit(origin)
        _ = page.port
    except ValueError:
        return False
    known = [*settings.CSRF_TRUSTED_ORIGINS, *conf.allowed_origins]
    return (
        "*" in conf.allowed_origins
        or any(_matches(page, pattern) for pattern in known)
        or _is_same_site(page, host)
    )


def _host(headers: list[tuple[bytes, str]]) -> str:
    names = [b"x-forwarded-host", b"host"] if settings.USE_X_FORWARDED_HOST else [b"host"]
    for wanted in names:
        for name, value in headers:
            if name == wanted:
                return value
    return ""


def _is_same_site(page: SplitResult, host: str) -> bool:
    """Whether the page comes from where it connects to; a proxy may have changed the scheme."""
    name, port = split_domain_port(host)
    allowed = settings.ALLOWED_HOSTS or (_DEBUG_HOSTS if settings.DEBUG else [])
    if page.scheme not in _DEFAULT_PORTS or not name or not validate_host(name, allowed):
        return False
    default = _DEFAULT_PORTS[page.scheme]
    page_name, page_port = split_domain_port(page.netloc)
    return page_name == name and (page_port or default) == (port or default)


def _matches(page: SplitResult, pattern: str) -> bool:
    """Whether a page's origin is this one, or under it: `https://*.example.com`."""
    wanted = urlsplit(pattern.lower())
    if page.scheme != wanted.scheme:
        return False
    here, there = page.netloc.lower(), wanted.netloc
    if there.startswith("*."):
        # As Django reads it: the domain itself, too.
        return is_same_domain(here, there[1:])
    default = ":" + _DEFAULT_PORTS.get(page.scheme, "")
    return here.removesuffix(default) == there.removesuffix(default)
