"""What `@task` makes where the back-end is ours: Django's Task, with what Bus can do beyond it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.tasks import Task as DjangoTask


# Generic for mypy alone, not when it runs.
@dataclass(frozen=True, slots=True, kw_only=True)
class Task(DjangoTask):  # type: ignore[type-arg]
    """A task with an ordering key, and a number of attempts of its own."""

    # A text, or what makes one of the task's arguments; without one the task waits for no other.
    ordering_key: str | Callable[..., str] | None = None
    # Up to BUS_MAX_ATTEMPTS; None is the back-end's MAX_ATTEMPTS.
    max_attempts: int | None = None

    def using(
        self,
        *,
        ordering_key: str | Callable[..., str] | None = None,
        max_attempts: int | None = None,
        **changes: Any,
    ) -> Task:
        """A copy with some things changed: those of Django's, and the two of ours."""
        # Not super(), which a dataclass with slots breaks before Python 3.14.
        changed: Any = DjangoTask.using(self, **changes)
        ours = {"ordering_key": ordering_key, "max_attempts": max_attempts}
        new: Task = replace(changed, **{k: v for k, v in ours.items() if v is not None})
        return new

    def ordering_key_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The key that orders a call with these arguments; empty for none."""
        key = self.ordering_key
        return (key(*args, **kwargs) if callable(key) else key) or ""
