"""A task of Django's `django.tasks`: what was asked for, and what came of it."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class JsonText(models.TextField):  # type: ignore[type-arg]  # generic for mypy alone
    """JSON as text, which takes what databases' own JSON does not: NUL, NaN, the order of keys."""

    def from_db_value(self, value: str | None, *_args: object) -> Any:
        """As it was."""
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> str:
        """As ASCII."""
        return json.dumps(value)


class TaskResult(models.Model):
    """One task that was enqueued; kept for BUS_TASK_RESULT_AGE after it has finished."""

    class Status(models.TextChoices):
        """As Django has them; a task that is to be tried again is ready."""

        READY = "READY", _("ready")
        RUNNING = "RUNNING", _("running")
        FAILED = "FAILED", _("failed")
        SUCCESSFUL = "SUCCESSFUL", _("successful")

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    # The dotted path of the task.
    path = models.TextField(_("task"))
    backend = models.CharField(_("back-end"), max_length=200)
    queue_name = models.CharField(_("queue"), max_length=99)
    priority = models.SmallIntegerField(_("priority"), default=0)
    run_after = models.DateTimeField(_("not before"), null=True)
    ordering_key = models.CharField(_("ordering key"), max_length=200, blank=True)
    # None leaves it to the broker, which has BUS_MAX_ATTEMPTS.
    max_attempts = models.PositiveSmallIntegerField(_("attempts at most"), null=True)
    args = JsonText(_("arguments"))
    kwargs = JsonText(_("keyword arguments"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.READY)
    return_value = JsonText(_("return value"), default=None)
    # Of each attempt that failed: {"exception_class_path": …, "traceback": …}.
    errors = JsonText(_("errors"), default=list)
    # Of each attempt.
    worker_ids = JsonText(_("workers"), default=list)
    enqueued_at = models.DateTimeField(_("enqueued"))
    started_at = models.DateTimeField(_("started"), null=True)
    last_attempted_at = models.DateTimeField(_("last attempt"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("task result")
        verbose_name_plural = _("task results")
        indexes = [
            models.Index(fields=("finished_at",), name="task_result_by_end"),
            # The admin lists them by it.
            models.Index(fields=("enqueued_at",), name="task_result_by_start"),
        ]

    def __str__(self) -> str:
        return f"{self.path} {self.id}"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will come of it, unless somebody puts it back."""
        return self.status in (self.Status.SUCCESSFUL, self.Status.FAILED)

    @property
    def had_its_attempts(self) -> bool:
        """Whether as many were begun as it may have."""
        return self.max_attempts is not None and len(self.worker_ids) >= self.max_attempts
