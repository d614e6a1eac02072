"""Tasks of Django 6 (`django.tasks`) that Bus keeps and runs: `bus.tasks.Backend`."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

try:
    import django.tasks  # noqa: F401
except ImportError as error:
    raise ImproperlyConfigured(
        "bus.tasks needs Django 6.0 or later, which has django.tasks. Install it, or take "
        "bus.tasks out of TASKS; the rest of Bus does without."
    ) from error

from bus.tasks.backend import Backend
from bus.tasks.task import Task

__all__ = ["Backend", "Task"]
