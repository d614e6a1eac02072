"""What is stored of tasks, which no Django is needed for that has tasks."""

import asyncio
import datetime as dt

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from pytest_django.fixtures import Settings

from bus.messaging import operations, task_results
from bus.models import TaskResult
from bus.workers.expiry import expire_forever
from tests.support.wait import until_async

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]

ERROR: task_results.TaskError = {"exception_class_path": "x.Y", "traceback": "\0 \ud800"}


def enqueued(id_: str = "1", **more: object) -> TaskResult:
    row = TaskResult(
        id=id_,
        path="x.task",
        backend="default",
        queue_name="default",
        args=["\0", float("inf"), 2**70],
        kwargs={"z": 1, "a": "\ud800"},
        enqueued_at=timezone.now(),
        **more,
    )
    task_results.enqueue(row)
    return row


def test_what_was_asked_for_is_kept_as_it_was_and_sent_once() -> None:
    enqueued()
    row = task_results.get("1")
    assert row is not None
    assert (row.args, list(row.kwargs.items())) == (
        ["\0", float("inf"), 2**70],
        [("z", 1), ("a", "\ud800")],
    )
    (stats,) = async_to_sync(operations.stats)(["tasks.default"])
    assert (stats.depth, stats.totals.sent) == (1, 1)


def test_an_attempt_is_noted_until_it_has_finished() -> None:
    enqueued()
    assert task_results.begin("1", "a", anew=False)[1]
    assert task_results.fail("1", ERROR, final=False) is not None
    row, begun = task_results.begin("1", "b", anew=False)
    assert begun
    assert row is not None
    assert (row.worker_ids, row.errors, row.status) == (["a", "b"], [ERROR], "RUNNING")
    task_results.succeed("1", {"a": None})
    row, begun = task_results.begin("1", "c", anew=False)
    assert not begun
    assert row is not None
    assert (row.worker_ids, row.return_value, row.status) == (["a", "b"], {"a": None}, "SUCCESSFUL")
    # A late failure changes nothing.
    assert task_results.fail("1", ERROR, final=True) is None


def test_no_more_attempts_are_begun_than_it_may_have() -> None:
    enqueued(max_attempts=1)
    assert task_results.begin("1", "a", anew=False)[1]
    assert not task_results.begin("1", "b", anew=False)[1]
    row, begun = task_results.begin("1", "c", anew=True)
    assert begun
    assert row is not None
    assert (row.worker_ids, row.errors) == (["c"], [])


@pytest.mark.parametrize("id_", ["", "2", "\0"])
def test_what_is_not_there_is_nothing(id_: str) -> None:
    enqueued()
    assert task_results.get(id_) is None
    assert task_results.begin(id_, "a", anew=False) == (None, False)
    assert task_results.fail(id_, ERROR, final=True) is None


def test_workers_forget_what_finished_long_ago(settings: Settings) -> None:
    settings.BUS_TASK_RESULT_AGE = 60
    now = timezone.now()
    for id_, age in (("old", 61), ("new", 1)):
        enqueued(id_)
        task_results.succeed(id_, None)
        TaskResult.objects.filter(pk=id_).update(finished_at=now - dt.timedelta(seconds=age))
    enqueued("waits")
    TaskResult.objects.filter(pk="waits").update(enqueued_at=now - dt.timedelta(days=60))

    async def until_forgotten() -> None:
        looking = asyncio.ensure_future(expire_forever(0.01))

        async def forgotten() -> bool:
            return await TaskResult.objects.acount() == 2

        try:
            await until_async(forgotten)
        finally:
            looking.cancel()

    async_to_sync(until_forgotten)()
    assert {row.pk for row in TaskResult.objects.all()} == {"new", "waits"}
