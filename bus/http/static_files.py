"""The apps' static files, where a project is started without a server for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def served(application: Application) -> Application:
    """The application with its static files, as `runserver` serves them; as it is where it serves
    them itself, or has none."""
    others = any("static" in name.lower() or "whitenoise" in name for name in settings.MIDDLEWARE)
    if others or not apps.is_installed("django.contrib.staticfiles"):
        return application
    # It serves paths under STATIC_URL, whatever the application is that serves the others.
    handler: Application = ASGIStaticFilesHandler(application)  # type: ignore[arg-type]
    return handler
