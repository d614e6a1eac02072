"""The apps' static files, where a project is started without a server for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

from bus.http import urls

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def served(application: Application) -> Application:
    """The application with its static files, as `runserver` serves them; as it is where it serves
    them itself, or has none."""
    others = any("static" in name.lower() or "whitenoise" in name for name in settings.MIDDLEWARE)
    if others or not apps.is_installed("django.contrib.staticfiles"):
        return application
    # It serves paths under STATIC_URL, whatever the application is that serves the others; and it
    # was made before anybody said what the script is called.
    handler = ASGIStaticFilesHandler(application)  # type: ignore[arg-type]
    under = handler.base_url.path

    # Servers take a coroutine function for what is ASGI 3.
    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = urls.path_of(scope) if scope["type"] == "http" else ""
        if path.startswith(under):
            await handler({**scope, "path": path, "root_path": ""}, receive, send)
        else:
            await application(scope, receive, send)

    return serve
