"""What Bus adds to Django's tasks: transactions, retries, dead letters, results that are kept."""

import asyncio
import json
from datetime import timedelta

import pytest

pytest.importorskip("django.tasks", reason="django.tasks came with Django 6.0")

from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import OperationalError, transaction
from django.tasks import TaskResultStatus
from django.tasks.signals import task_enqueued
from django.utils import timezone
from host.models import Thing
from host.wait import finished, until
from host.working import working

from bus.broker import BusChannelLayer
from bus.broker.errors import BrokerUnavailable
from bus.messaging import operations, outbox, task_results
from bus.models import QueuedSend, TaskResult
from bus.workers.tasks import TaskWorker


def dead(channel="tasks.default"):
    """The dead letters of a channel, the newest first."""

    async def newest():
        return await operations.dead_letters(channel).newest()

    return async_to_sync(newest)()


def send_again(result, channel="tasks.default"):
    """Bring a task to the workers once more, as a redelivery does."""
    message = {"type": "task.requested", "id": result.id, "task": "x"}
    outbox.send_on_commit(channel, message)


# ---- Transactions ----


def test_a_task_sees_what_was_committed_with_it(tasks, worker):
    with transaction.atomic():
        result = tasks.count_things.enqueue()
        Thing.objects.create(name="a")
    assert finished(result).return_value == 1


def test_a_task_that_is_rolled_back_never_was(tasks, worker):
    heard = []

    def hear(task_result, **kwargs):
        heard.append(task_result.id)

    task_enqueued.connect(hear)
    try:
        with transaction.atomic():
            tasks.note.enqueue("never")
            transaction.set_rollback(True)
        with transaction.atomic():
            result = tasks.note.enqueue("after")
            assert heard == []
        assert heard == [result.id]
    finally:
        task_enqueued.disconnect(hear)
    finished(result)
    assert tasks.ran == ["after"]
    assert (TaskResult.objects.count(), QueuedSend.objects.count()) == (1, 0)


def test_a_broker_that_is_away_refuses_no_task(tasks, monkeypatch):
    send = BusChannelLayer.send_encoded

    async def refuse(*args, **options):
        raise BrokerUnavailable("away")

    monkeypatch.setattr(BusChannelLayer, "send_encoded", refuse)
    result = tasks.add.enqueue(1)
    assert result.status == TaskResultStatus.READY
    assert QueuedSend.objects.count() == 1
    monkeypatch.setattr(BusChannelLayer, "send_encoded", send)
    with working():
        assert finished(result).return_value == 2


# ---- Retries, and their end ----


def test_a_task_that_fails_is_tried_again_and_tells_of_it(tasks, worker, monkeypatch):
    waits = iter([60, 0])
    monkeypatch.setattr("bus.broker.outage.backoff", lambda attempt: next(waits, 0))
    result = tasks.note.enqueue("unlucky", fails=1)
    until(lambda: tasks.note.get_result(result.id).errors, "the first failure")
    result.refresh()
    assert (result.status, result.attempts, result.finished_at) == ("READY", 1, None)
    assert result.errors[0].exception_class is tasks.Odd
    assert dead() == []


def test_after_some_failures_it_may_succeed(tasks, worker):
    result = finished(tasks.note.enqueue("unlucky", fails=2))
    assert (result.status, result.attempts, len(result.errors)) == ("SUCCESSFUL", 3, 2)
    assert result.return_value == "unlucky"
    assert result.started_at < result.last_attempted_at < result.finished_at


def test_attempts_are_those_of_the_setting_of_the_backend_or_of_the_task(tasks, worker, settings):
    settings.BUS_MAX_ATTEMPTS = 4
    assert finished(tasks.fail.enqueue("x")).attempts == 4
    settings.TASKS = {
        "default": {"BACKEND": "bus.tasks.Backend", "OPTIONS": {"MAX_ATTEMPTS": 2}},
    }
    assert finished(tasks.fail.enqueue("x")).attempts == 2
    once = tasks.fail.using(max_attempts=1)
    result = finished(once.enqueue("x"))
    assert (result.attempts, len(result.errors), result.task.max_attempts) == (1, 1, 1)
    assert finished(tasks.fail_later.using(max_attempts=1).enqueue("x")).attempts == 1


def test_the_last_attempt_is_the_last_whatever_it_failed_of(tasks, worker):
    result = finished(tasks.meet_an_outage.using(max_attempts=1).enqueue())
    assert [error.exception_class for error in result.errors] == [OperationalError]
    assert tasks.ran == ["outage"]


def test_what_is_given_up_on_is_a_dead_letter_that_says_why(tasks, worker):
    result = finished(tasks.fail.using(max_attempts=1).enqueue("boom"))
    (letter,) = until(dead, "a dead letter")
    assert letter.message == {
        "type": "task.requested",
        "id": result.id,
        "task": "host.tasks.fail",
    }
    assert "Odd: boom" in letter.error
    assert "KeyError: 'boom'" in letter.traceback


def test_a_dead_letter_that_is_put_back_starts_anew(tasks, worker):
    result = finished(tasks.note.using(max_attempts=1).enqueue("unlucky", fails=1))
    assert result.status == TaskResultStatus.FAILED
    until(dead, "a dead letter")
    call_command("bus", "dead", "retry", "tasks.default", "--all")

    def succeeded():
        result.refresh()
        return result.status == TaskResultStatus.SUCCESSFUL

    until(succeeded, "a success")
    assert (result.attempts, result.errors, dead()) == (1, [], [])


def test_a_task_that_takes_too_long_has_failed(tasks, worker, settings):
    settings.BUS_HANDLER_TIMEOUT = 0.2
    result = finished(tasks.hang.using(max_attempts=1).enqueue())
    assert result.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in result.errors] == [TimeoutError]
    settings.BUS_HANDLER_TIMEOUT = 30
    assert finished(tasks.add.enqueue(1)).return_value == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"path": "host.gone.task"}, "The task host.gone.task cannot be imported: ModuleNotFound"),
        ({"path": "host.broken.task"}, "cannot be imported: RuntimeError: this module is broken"),
        ({"path": "host.tasks.gone"}, "The task host.tasks.gone cannot be imported: ImportError"),
        ({"path": "host.tasks.undecorated"}, "host.tasks.undecorated is no task, but a function"),
        ({"backend": "gone"}, "The connection 'gone' doesn't exist"),
    ],
)
def test_what_cannot_be_found_is_tried_again_and_then_a_dead_letter(tasks, change, says):
    result = tasks.add.enqueue(1)
    TaskResult.objects.filter(pk=result.id).update(**change)
    with working():
        (letter,) = until(dead, "a dead letter")
        assert says in letter.error
        assert letter.attempts == 5
        row = TaskResult.objects.get(pk=result.id)
        assert (row.status, len(row.errors)) == ("FAILED", 5)
        assert says in row.errors[0]["traceback"]
        assert finished(tasks.add.enqueue(2)).return_value == 3


# ---- At least once ----


def test_a_task_that_was_done_is_not_done_again_when_it_comes_again(tasks, worker):
    result = finished(tasks.note.enqueue("once"))
    send_again(result)
    finished(tasks.note.enqueue("later"))
    until(lambda: worker.handled == 3, "three messages")
    assert tasks.ran == ["once", "later"]
    result.refresh()
    assert (result.attempts, result.status) == (1, "SUCCESSFUL")


def test_a_task_whose_worker_died_is_begun_again(tasks):
    result = tasks.note.enqueue("again")
    task_results.begin(result.id, "dead-worker", anew=False)
    with working() as worker:
        finished(result)
    assert result.worker_ids == ["dead-worker", worker.id]
    assert (result.attempts, result.return_value) == (2, "again")


def test_a_task_of_one_attempt_whose_worker_died_has_failed(tasks):
    result = tasks.note.using(max_attempts=1).enqueue("never")
    task_results.begin(result.id, "dead-worker", anew=False)
    with working():
        finished(result)
    assert result.status == TaskResultStatus.FAILED
    assert result.errors[0].exception_class_path == "bus.workers.tasks.WorkerDied"
    assert tasks.ran == []


def test_a_task_that_nobody_stored_is_a_dead_letter(tasks, worker):
    for message in ({"id": "nobody"}, {"id": 7}, {"id": "\x00"}, {}):
        outbox.send_on_commit("tasks.default", {"type": "task.requested", **message})
    letters = until(lambda: len(dead()) == 4 and dead(), "four dead letters")
    assert all("Nothing is known of this task" in letter.error for letter in letters)
    assert finished(tasks.add.enqueue(1)).return_value == 2


# ---- Results ----


def test_results_are_forgotten_when_they_are_old(tasks, worker, settings):
    old, new = finished(tasks.add.enqueue(1)), finished(tasks.add.enqueue(2))
    failed = finished(tasks.fail.using(max_attempts=1).enqueue("x"))
    waits = tasks.add.using(run_after=timezone.now() + timedelta(days=1)).enqueue(3)
    TaskResult.objects.exclude(pk=new.id).exclude(pk=waits.id).update(
        finished_at=timezone.now() - timedelta(seconds=61)
    )
    TaskResult.objects.filter(pk=waits.id).update(enqueued_at=timezone.now() - timedelta(days=60))
    settings.BUS_TASK_RESULT_AGE = 0
    task_results.forget_old()
    assert TaskResult.objects.count() == 4
    settings.BUS_TASK_RESULT_AGE = 60
    task_results.forget_old()
    assert {one.pk for one in TaskResult.objects.all()} == {new.id, waits.id}
    assert old.id != failed.id


def test_tasks_are_seen_in_bus_stats(tasks, worker, capsys):
    finished(tasks.add.enqueue(1))
    finished(tasks.mail.enqueue("ann"))
    until(lambda: worker.handled == 2, "two tasks")
    call_command("bus", "stats", "--json")
    told = {one["channel"]: one for one in json.loads(capsys.readouterr().out)}
    assert told["tasks.default"]["totals"]["done"] == 1
    assert told["tasks-high.mail"]["totals"]["done"] == 1
    assert [one["id"] for one in told["tasks-low.default"]["workers"]] == [worker.id]


@pytest.mark.parametrize("name", ["speak", "speak_later"])
def test_a_language_of_one_task_is_not_the_next_ones(tasks, worker, name):
    speak = getattr(tasks, name)
    assert finished(speak.enqueue("ko")).return_value == "ko"
    assert finished(speak.enqueue()).return_value == "en-us"


def test_only_the_worker_of_bus_runs_tasks():
    with pytest.raises(RuntimeError, match="by the worker of Bus alone"):
        asyncio.run(TaskWorker()({"type": "channel", "channel": "tasks.default"}, None, None))
