"""The back-end of Django's tasks: stores them with the transaction, and has workers run them."""

from __future__ import annotations

import uuid
from dataclasses import replace
from functools import partial
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.tasks import TaskResult, TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.base import Task as DjangoTask
from django.tasks.base import TaskError
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
from django.tasks.signals import task_enqueued
from django.utils import timezone
from django.utils.module_loading import import_string

from bus import nested
from bus.conf import conf
from bus.messaging import task_results
from bus.protocol import channel_names
from bus.tasks.task import Task

# What OPTIONS may hold.
_OPTIONS = {"MAX_ATTEMPTS"}
_NO_APP = "Add 'bus' to INSTALLED_APPS: results are kept in its tables."
_ATTEMPTS = "is a whole number from 1 to BUS_MAX_ATTEMPTS."


class Backend(BaseTaskBackend):
    """Keeps tasks and their results in the database, and brings tasks to workers by the broker."""

    task_class = Task
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def validate_task(self, task: DjangoTask[..., Any]) -> None:
        """Raise InvalidTask for what cannot be run; what it asks for beyond Django's, too."""
        super().validate_task(task)
        if not channel_names.is_named_channel(channel_names.task_channel(task.queue_name, -1)):
            raise InvalidTask(_odd_queue(task.queue_name))
        attempts = getattr(task, "max_attempts", None)
        if attempts is not None and not _fits(attempts):
            raise InvalidTask(f"max_attempts {_ATTEMPTS}")

    def enqueue(self, task: DjangoTask[..., Any], args: Any, kwargs: Any) -> Any:
        """Have a worker run it: at once, or once the running transaction has committed.

        Raises InvalidTask, TypeError or ValueError where the arguments are no JSON, and
        ImproperlyConfigured where Bus is no app.
        """
        _require_app()
        self.validate_task(task)
        _require_path(task)
        key = task.ordering_key_of(args, kwargs) if isinstance(task, Task) else ""
        if not isinstance(key, str) or len(key) > 200 or not key.isprintable():
            raise InvalidTask("An ordering key is a printable text of up to 200 characters.")
        attempts = getattr(task, "max_attempts", None) or self.options.get("MAX_ATTEMPTS")
        try:
            result = _new_result(task, args, kwargs, self.alias)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"The arguments of {task.module_path} are no JSON: {error}"
            ) from error
        # Not imported: tasks are defined, and so this is loaded, before models are there.
        stored: Any = apps.get_model("bus", "TaskResult")
        row = stored(
            id=result.id,
            path=task.module_path,
            backend=self.alias,
            queue_name=task.queue_name,
            priority=task.priority,
            run_after=task.run_after,
            ordering_key=key,
            max_attempts=attempts,
            args=result.args,
            kwargs=result.kwargs,
            enqueued_at=result.enqueued_at,
        )
        with transaction.atomic():
            signal = partial(task_enqueued.send_robust, type(self), task_result=result)
            # First, so that it is told as enqueued before it is told as started.
            transaction.on_commit(signal, robust=True)
            task_results.enqueue(row)
        return result

    def get_result(self, result_id: str) -> TaskResult[..., Any]:
        """What is known of a task; raises TaskResultDoesNotExist, InvalidTask.

        Without the app `bus` it raises ImproperlyConfigured.
        """
        _require_app()
        row = task_results.get(str(result_id))
        if row is None:
            raise TaskResultDoesNotExist(result_id)
        task = replace(
            _task_at(row.path),
            priority=row.priority,
            queue_name=row.queue_name,
            run_after=row.run_after,
            backend=row.backend,
        )
        if isinstance(task, Task):
            task = replace(
                task, ordering_key=row.ordering_key or None, max_attempts=row.max_attempts
            )
        result = TaskResult(
            task=task,
            id=row.pk,
            status=TaskResultStatus[row.status],
            enqueued_at=row.enqueued_at,
            started_at=row.started_at,
            last_attempted_at=row.last_attempted_at,
            finished_at=row.finished_at,
            args=row.args,
            kwargs=row.kwargs,
            backend=row.backend,
            errors=[TaskError(**error) for error in row.errors],
            worker_ids=row.worker_ids,
        )
        # As Django's own back-ends do: results are frozen.
        object.__setattr__(result, "_return_value", row.return_value)
        return result

    def check(self, **_kwargs: Any) -> list[CheckMessage]:
        """What of its settings cannot work."""
        where = f"TASKS[{self.alias!r}]"
        found = [
            Error(f"{where}: {_odd_queue(queue)}", id="bus.E021")
            for queue in sorted(self.queues)
            if not channel_names.is_named_channel(channel_names.task_channel(queue, -1))
        ]
        if not self.queues:
            hint = "Name them in QUEUES: workers listen on channels that are named after them."
            found.append(Error(f"{where} takes any queue.", hint=hint, id="bus.E021"))
        if odd := sorted(self.options.keys() - _OPTIONS):
            text = f"{where} has OPTIONS that mean nothing: {', '.join(odd)}."
            found.append(Error(text, hint="There is MAX_ATTEMPTS.", id="bus.E022"))
        if not _fits(self.options.get("MAX_ATTEMPTS", 1)):
            found.append(Error(f"{where}: MAX_ATTEMPTS {_ATTEMPTS}", id="bus.E022"))
        if not apps.is_installed("bus"):
            text = f"{where} is that of Bus, which is no app here."
            found.append(Error(text, hint=_NO_APP, id="bus.E023"))
        return list(found)


def _require_app() -> None:
    """Raise ImproperlyConfigured where there are no tables for tasks."""
    if not apps.is_installed("bus"):
        raise ImproperlyConfigured(f"TASKS names bus.tasks.Backend. {_NO_APP}")


def _fits(attempts: object) -> bool:
    return type(attempts) is int and 1 <= attempts <= conf.max_attempts


def _odd_queue(queue: str) -> str:
    return (
        f"the queue {queue!r} cannot be the name of channels: up to 89 ASCII letters, digits, "
        "hyphens, underscores and periods."
    )


def _new_result(
    task: DjangoTask[..., Any], args: Any, kwargs: Any, backend: str
) -> TaskResult[..., Any]:
    """A result that is ready; raises TypeError or ValueError for what is no JSON."""
    result = TaskResult(
        task=task,
        id=uuid.uuid4().hex,
        status=TaskResultStatus.READY,
        enqueued_at=timezone.now(),
        started_at=None,
        last_attempted_at=None,
        finished_at=None,
        args=args,
        kwargs=kwargs,
        backend=backend,
        errors=[],
        worker_ids=[],
    )
    # Python would make text of it, and the task get something else.
    if (odd := nested.odd_key({**result.kwargs, "args": result.args}, str)) is not None:
        raise TypeError(f"{odd[0]}: the key {odd[1]!r} is no text")
    return result


def _task_at(path: str) -> DjangoTask[..., Any]:
    """The task of a path; raises InvalidTask."""
    try:
        found = import_string(path)
    except Exception as error:
        # Whatever a module raises as it is loaded.
        raise InvalidTask(
            f"The task {path} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, DjangoTask):
        raise InvalidTask(
            f"{path} is no task, but a {type(found).__name__}: decorate it with @task."
        )
    return found


def _require_path(task: DjangoTask[..., Any]) -> None:
    """Raise InvalidTask where a worker would find something else under the task's path."""
    path = task.module_path
    if task.func.__module__ == "__main__" or _task_at(path).func is not task.func:
        raise InvalidTask(
            f"A worker would not find this task under {path}: it is another one there."
        )
