"""Bus as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class BusConfig(AppConfig):
    """Bus as a Django app."""

    name = "bus"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from bus import checks  # noqa: F401
