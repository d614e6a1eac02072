"""Tasks of Django's `django.tasks`: what was asked for, and what came of it."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from bus.admin.base import AnsweringList, ReadOnlyAdmin
from bus.models import TaskResult


class _Queues(admin.SimpleListFilter):
    """The queues of TASKS; those of the rows would be looked for among all of them."""

    title = _("queue")
    parameter_name = "queue_name"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        """Each by its name."""
        # Django's own default; before 6.0 nothing reads the setting.
        known = (one.get("QUEUES", ["default"]) for one in getattr(settings, "TASKS", {}).values())
        return [(name, name) for name in sorted({name for names in known for name in names})]

    def queryset(
        self, _request: HttpRequest, queryset: QuerySet[TaskResult]
    ) -> QuerySet[TaskResult]:
        """The tasks of the chosen one."""
        return queryset.filter(queue_name=self.value()) if self.value() else queryset


class _Tasks(AnsweringList):
    """Leaves what may be large in the database."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[TaskResult]:
        """The tasks that are asked for."""
        found: QuerySet[TaskResult] = super().get_queryset(*args, **kwargs)
        return found.defer("args", "kwargs", "return_value", "errors")


@admin.register(TaskResult)
class TaskResultAdmin(ReadOnlyAdmin):
    """Tasks, newest first; `manage.py bus dead` puts those back that have failed."""

    list_display = (
        *("enqueued_at", "path", "queue_name", "priority", "status", "attempts"),
        *("run_after", "finished_at"),
    )
    list_filter = ("status", _Queues)
    search_fields = ("id__startswith", "path")
    search_help_text = _("The beginning of an id, or a part of a task's path")
    ordering = ("-enqueued_at",)
    # No other order, which would sort all that there are.
    sortable_by = ("enqueued_at",)
    fields = (
        *("id", "path", "status", "backend", "queue_name", "priority", "ordering_key"),
        *("enqueued_at", "run_after", "started_at", "last_attempted_at", "finished_at"),
        *("attempts", "max_attempts", "shown_workers"),
        *("shown_args", "shown_kwargs", "shown_return_value", "shown_errors"),
    )

    readonly_fields = fields

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """A list that leaves what may be large in the database."""

        return _Tasks

    @admin.display(description=_("attempts"))
    def attempts(self, task: TaskResult) -> int:
        """How many were begun."""
        return len(task.worker_ids)

    @admin.display(description=_("workers"))
    def shown_workers(self, task: TaskResult) -> str:
        """Those of the attempts, in their order."""
        return ", ".join(task.worker_ids)

    @admin.display(description=_("arguments"))
    def shown_args(self, task: TaskResult) -> SafeString:
        """As JSON."""
        return _block(_json(task.args))

    @admin.display(description=_("keyword arguments"))
    def shown_kwargs(self, task: TaskResult) -> SafeString:
        """As JSON."""
        return _block(_json(task.kwargs))

    @admin.display(description=_("return value"))
    def shown_return_value(self, task: TaskResult) -> SafeString | str:
        """As JSON; nothing where it has not returned."""
        done = task.status == TaskResult.Status.SUCCESSFUL
        return _block(_json(task.return_value)) if done else self.get_empty_value_display()

    @admin.display(description=_("errors"))
    def shown_errors(self, task: TaskResult) -> SafeString | str:
        """The traceback of each attempt that failed."""
        texts = [error["traceback"] or error["exception_class_path"] for error in task.errors]
        return _block("\n".join(texts)) if texts else self.get_empty_value_display()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _block(text: str) -> SafeString:
    # Halves of surrogate pairs are no UTF-8.
    return format_html("<pre>{}</pre>", text.encode("utf-8", "backslashreplace").decode())
