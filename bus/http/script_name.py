"""Under which path the project is served: what a proxy in front of it has taken off, or kept."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings

from bus.http import client_address

# Whole segments of what needs no quoting, and none of dots: no other host, and no way up.
_NAME = re.compile(rb"(?:/(?!\.+(?:/|$))[A-Za-z0-9._~-]+)+")
_HEADER = b"x-script-name"


class ScriptName:
    """ASGI middleware: `root_path` is the path of FORCE_SCRIPT_NAME, of the `X-Script-Name` of a
    proxy that BUS_TRUSTED_PROXIES names, or of the server; `path` begins with it, as ASGI says.

    Some proxies take the prefix off and some keep it, and not all servers put it back.
    """

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self._application = application

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[None]:
        """Serve one request or socket."""
        name = settings.FORCE_SCRIPT_NAME or _from_proxy(scope) or scope.get("root_path") or ""
        name = name.rstrip("/")
        if name:
            path = scope["path"]
            kept = path == name or path.startswith(f"{name}/")
            scope = {**scope, "root_path": name, "path": path if kept else name + path}
        return self._application(scope, receive, send)


def root_of(scope: Mapping[str, Any]) -> str:
    """The path of a request or a socket under which the project is; "/" at the root."""
    return settings.FORCE_SCRIPT_NAME or scope.get("root_path") or "/"


def _from_proxy(scope: dict[str, Any]) -> str:
    """What a named proxy says; "" of anybody else, and where it makes no sense."""
    found = [value for name, value in scope.get("headers", ()) if name == _HEADER]
    if len(found) != 1 or not client_address.is_named_proxy((scope.get("client") or ("",))[0]):
        return ""
    name: bytes = found[0].rstrip(b"/")
    return name.decode("ascii") if _NAME.fullmatch(name) else ""
