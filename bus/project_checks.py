"""System checks of how Bus was put into a project: each thing that is missing, and the remedy."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from bus.http import urls


@register()
def check_urls(**_kwargs: Any) -> list[CheckMessage]:
    """The URLconf has Bus: its pages, its API, and where its sockets are."""
    if urls.is_included():
        return []
    return [
        Error(
            "The project's URLconf does not include Bus.",
            hint='Add path("", include("bus.urls")) to the urlpatterns of ROOT_URLCONF, under any '
            "prefix.",
            id="bus.E024",
        )
    ]
