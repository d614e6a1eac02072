"""Puts Bus around a project's Django application: pages and API, WebSockets, named channels.

Importing this imports nothing and sets nothing up, so `mount` may be called as
`mount(get_asgi_application())`: Django is set up before what needs it is imported.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any


def mount(http: Any, websocket: Sequence[Any] = ()) -> Any:
    """The ASGI application of a project with Bus, whose requests `http` serves.

    `http` is what Django's `get_asgi_application` returns; `websocket` are the project's own routes
    of WebSockets, as for Channels' `URLRouter`: they come first, each with what middleware it has.
    """
    from bus.application import build

    return build(http, websocket)


def __getattr__(name: str) -> Any:
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        "bus.asgi.application will go: serve config.asgi:application, or what bus.asgi.mount "
        "makes in a project's own asgi.py.",
        DeprecationWarning,
        stacklevel=2,
    )
    from django.core.asgi import get_asgi_application

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    application = globals()[name] = mount(get_asgi_application())
    return application
