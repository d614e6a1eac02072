"""The channels of tasks: runs what `bus.tasks.Backend` has stored. Needs Django 6."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from inspect import iscoroutinefunction
from traceback import format_exception
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections
from django.dispatch import receiver
from django.tasks import TaskContext, TaskResult, task_backends
from django.tasks.signals import task_finished, task_started
from django.utils.json import normalize_json

from bus.broker import Delivery, Undeliverable
from bus.broker.signals import delivery_failed
from bus.broker.worker.consumer_run import BATCH, BATCH_ACCEPT, BATCH_FAILED
from bus.database import threads
from bus.database.connection_limit import close_connections
from bus.messaging import task_results
from bus.protocol import channel_names
from bus.workers.base import Receive, Send, WorkerConsumer

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Tracebacks are kept to their last part, in characters.
_TRACEBACK_LIMIT = 20_000
# Between two attempts to note a failure while the database is away, in seconds.
_PAUSE = 1.0


class WorkerDied(Exception):
    """The worker died, or was stopped, with the task in its hands."""


class TaskFailed(Exception):
    """An attempt failed; of what is the cause, which alone is told."""


class GivenUp(Undeliverable, TaskFailed):
    """The same for the last attempt."""


class TaskWorker(WorkerConsumer):
    """Runs one task after the other: coroutines in the event loop, the others in its own thread."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Take tasks until the worker stops."""
        if BATCH not in scope.get("extensions", {}):
            raise RuntimeError("Tasks are run by the worker of Bus alone: manage.py runworker.")
        try:
            await send({"type": BATCH_ACCEPT, "size": 1})
            while True:
                (delivery,) = (await receive())["deliveries"]
                try:
                    # A context of its own: a language that it activates is not the next one's.
                    await asyncio.create_task(self._run(delivery))
                except Exception as error:
                    await send({"type": BATCH_FAILED, "failures": {0: error}})
        finally:
            threads.end(self._thread, close_connections)

    async def _run(self, delivery: Delivery) -> None:
        """Make one attempt; raises what it failed of."""
        result, last = await self._in_thread(_begin, delivery)
        if result is None:
            return
        task = result.task
        args = [TaskContext(task_result=result)] if task.takes_context else []
        call = task.func, [*args, *result.args], result.kwargs
        if iscoroutinefunction(task.func):
            # The thread in which Django's async queries run.
            await sync_to_async(close_old_connections)()
            value, error = await _attempt_async(*call)
        else:
            value, error = await self._in_thread(_attempt, *call)
        if error is not None:
            raise _failure(error, last=last) from error
        await self._in_thread(_succeed, result, value)

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Run blocking work in the consumer's own thread, and never leave it behind.

        A thread cannot be ended: where this does not end, the worker's process starts anew.
        """

        def run() -> T:
            close_old_connections()
            return work(*args)

        running = asyncio.ensure_future(
            sync_to_async(run, thread_sensitive=False, executor=self._thread)()
        )
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise


def _begin(delivery: Delivery) -> tuple[TaskResult[..., Any] | None, bool]:
    """What is to be run, None where that was done before, and whether it is the last attempt."""
    id_ = delivery.message.get("id")
    # Somebody put a dead letter back, or replays: once, not at each attempt that this leads to.
    anew = bool(delivery.replayed_from) and delivery.attempt == 1 and delivery.tries == 1
    worker = delivery.holder.partition("/")[0]
    row, begun = task_results.begin(str(id_), worker, anew=anew)
    if row is None:
        raise Undeliverable(
            "Nothing is known of this task: its result was kept for BUS_TASK_RESULT_AGE, or no "
            "back-end of Bus has sent it."
        )
    if not begun:
        if row.status == row.Status.SUCCESSFUL:
            logger.info("Task %s was done before.", row)
            return None, True
        died = WorkerDied() if row.status == row.Status.RUNNING else None
        raise GivenUp("It has had its attempts.") from died
    try:
        backend = task_backends[row.backend]
        result = backend.get_result(row.pk)
    except Exception as error:
        raise _failure(error, last=row.had_its_attempts) from error
    task_started.send_robust(type(backend), task_result=result)
    return result, row.had_its_attempts


def _attempt(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> tuple[Any, BaseException | None]:
    """What a function returns, as JSON, or what it raised: a thread cannot raise everything."""
    try:
        return normalize_json(function(*args, **kwargs)), None
    except BaseException as error:
        return None, error


async def _attempt_async(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> tuple[Any, BaseException | None]:
    try:
        return normalize_json(await function(*args, **kwargs)), None
    except BaseException as error:
        running = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and running and running.cancelling():
            # By the worker, which stops or waited too long; not by the task itself.
            raise
        return None, error


def _failure(error: BaseException, *, last: bool) -> Exception:
    kind = GivenUp if last else TaskFailed
    return kind(f"{type(error).__name__}: {error}")


def _succeed(result: TaskResult[..., Any], value: Any) -> None:
    task_results.succeed(result.id, value)
    result.refresh()
    task_finished.send_robust(type(task_backends[result.backend]), task_result=result)


@receiver(delivery_failed)
async def _note_failure(
    delivery: Delivery, error: BaseException | str, final: bool, **_kwargs: Any
) -> None:
    """Note in a task's result that an attempt failed; waits for a database that is away."""
    id_ = delivery.message.get("id")
    if delivery.message.get("type") != channel_names.TASK_REQUESTED or not isinstance(id_, str):
        return
    while True:
        try:
            await sync_to_async(_fail)(id_, error, final)
        except (OperationalError, InterfaceError) as away:
            logger.debug("The failure of the task %s waits for the database: %s", id_, away)
            await asyncio.sleep(_PAUSE)
        else:
            return


def _fail(id_: str, error: BaseException | str, final: bool) -> None:
    close_old_connections()
    cause: BaseException | None = WorkerDied(error) if isinstance(error, str) else error
    if isinstance(error, TaskFailed):
        cause = error.__cause__
    row = task_results.fail(id_, None if cause is None else _task_error(cause), final=final)
    if row is None or not final:
        return
    try:
        backend = task_backends[row.backend]
        result = backend.get_result(row.pk)
    except Exception:
        logger.warning("Task %s failed; there is no such task any more to tell of.", row)
        return
    try:
        # Receivers find it in sys.exc_info(), as with Django's own back-ends.
        raise cause or TaskFailed("It has had its attempts.")
    except BaseException:
        task_finished.send_robust(type(backend), task_result=result)


def _task_error(error: BaseException) -> task_results.TaskError:
    kind = type(error)
    return {
        "exception_class_path": f"{kind.__module__}.{kind.__qualname__}",
        "traceback": "".join(format_exception(error))[-_TRACEBACK_LIMIT:],
    }
