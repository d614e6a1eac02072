"""Tasks of `django.tasks` as they are stored: what was asked for goes with the outbox."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, TypedDict

from django.apps import apps
from django.db import transaction
from django.utils import timezone

from bus.conf import conf
from bus.messaging.outbox import send_on_commit
from bus.protocol import channel_names

if TYPE_CHECKING:
    from django.db.models import Manager, QuerySet

    from bus.models import TaskResult

# Results that are forgotten in one step.
_CHUNK = 1000


class TaskError(TypedDict):
    """What an attempt failed of, as Django's TaskError has it."""

    exception_class_path: str
    traceback: str


def _results() -> Manager[TaskResult]:
    """Not imported: tasks are defined, and so this is loaded, before models are there."""
    found: Manager[TaskResult] = apps.get_model("bus", "TaskResult")._default_manager
    return found


def _of(id_: str) -> QuerySet[TaskResult]:
    # PostgreSQL takes no NUL.
    return _results().filter(pk=id_) if "\0" not in id_ else _results().none()


def enqueue(row: TaskResult) -> None:
    """Store a task, and have it run once the transaction has committed; else never.

    Tasks of one ordering key, queue and band of priorities run one after the other. Raises Invalid.
    """
    with transaction.atomic():
        row.save(force_insert=True)
        send_on_commit(
            channel_names.task_channel(row.queue_name, row.priority),
            {"type": channel_names.TASK_REQUESTED, "id": row.pk, "task": row.path},
            # Without one it waits for no other.
            ordering_key=row.ordering_key or row.pk,
            # Never before: a broker counts in ms.
            not_before=math.ceil(row.run_after.timestamp() * 1000) if row.run_after else 0,
        )


def get(id_: str) -> TaskResult | None:
    """What is known of a task; None where there is none of this id (any more)."""
    return _of(id_).first()


def begin(id_: str, worker: str, *, anew: bool) -> tuple[TaskResult | None, bool]:
    """Note an attempt; returns what is known of the task, and whether there is to be one.

    There is none for what has finished, or has had its attempts, unless it is done `anew`.
    """
    with transaction.atomic():
        row = _of(id_).select_for_update().first()
        if row is None:
            return None, False
        if anew:
            row.errors, row.worker_ids, row.started_at = [], [], None
        elif row.is_finished or row.had_its_attempts:
            return row, False
        now = timezone.now()
        row.status = row.Status.RUNNING
        row.started_at = row.started_at or now
        row.last_attempted_at, row.finished_at, row.return_value = now, None, None
        row.worker_ids = [*row.worker_ids, worker]
        row.save()
    return row, True


def succeed(id_: str, return_value: object) -> None:
    """Note that a task has done its work."""
    _of(id_).update(status="SUCCESSFUL", return_value=return_value, finished_at=timezone.now())


def fail(id_: str, error: TaskError | None, *, final: bool) -> TaskResult | None:
    """Note what an attempt failed of, and whether that was the last; None for what is over."""
    with transaction.atomic():
        row = _of(id_).select_for_update().first()
        if row is None or row.is_finished:
            return None
        row.errors = [*row.errors, error] if error else row.errors
        row.status = row.Status.FAILED if final else row.Status.READY
        row.finished_at = timezone.now() if final else None
        row.save()
    return row


def forget_old() -> None:
    """Forget what finished longer ago than BUS_TASK_RESULT_AGE."""
    if not conf.task_result_age:
        return
    end = timezone.now() - dt.timedelta(seconds=conf.task_result_age)
    old = _results().filter(finished_at__lt=end)
    while ids := list(old.values_list("pk", flat=True)[:_CHUNK]):
        _results().filter(pk__in=ids).delete()
