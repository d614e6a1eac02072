"""The project's ASGI application: where it is, and what middleware is around."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# What middleware, of Channels and others, calls the application that it is around.
_AROUND = ("inner", "application", "_application", "app")


def asgi_path() -> str | None:
    """Where the project's ASGI application is: ASGI_APPLICATION, or `asgi.application` beside
    what WSGI_APPLICATION or ROOT_URLCONF name; None where there is none."""
    path: str | None = getattr(settings, "ASGI_APPLICATION", None)
    if path:
        return path
    wsgi = (getattr(settings, "WSGI_APPLICATION", None) or "").rpartition(".")[0]
    for beside in (wsgi, getattr(settings, "ROOT_URLCONF", None) or ""):
        package = beside.rpartition(".")[0]
        if package and find_spec(f"{package}.asgi") is not None:
            return f"{package}.asgi.application"
    return None


def load(path: str) -> Any:
    """The application at a dotted path; raises ImproperlyConfigured, from what went wrong."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except Exception as error:
        raise ImproperlyConfigured(
            f"The ASGI application {path} does not import: {type(error).__name__}: {error}"
        ) from error


def unwrapped(application: Any) -> Iterator[Any]:
    """An application and what it is around, as middleware is, from the outermost to the innermost.

    Middleware that keeps what it is around in a closure, or by another name, is the innermost.
    """
    left = [application]
    seen: list[Any] = []
    while left:
        one = left.pop(0)
        if one is None or any(one is other for other in seen):
            continue
        seen.append(one)
        yield one
        left += [getattr(one, name, None) for name in _AROUND]
