"""What Django's documentation says of what becomes of tasks, next to its immediate back-end."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("django.tasks", reason="django.tasks came with Django 6.0")

from asgiref.sync import async_to_sync
from django.tasks import TaskResultStatus, task_backends
from django.tasks.exceptions import (
    InvalidTask,
    TaskResultDoesNotExist,
    TaskResultMismatch,
)
from django.tasks.signals import task_enqueued, task_finished, task_started
from host.wait import finished, until

# ---- Failing ----


@pytest.mark.parametrize(
    ("name", "args", "error"),
    [
        ("fail", ["boom"], "host.tasks.Odd"),
        ("fail_later", ["boom"], "host.tasks.Odd"),
        ("leave", [], "builtins.SystemExit"),
        ("cancel", [], "asyncio.exceptions.CancelledError"),
        ("add", [1, 2, 3], "builtins.TypeError"),
        ("now", [], "builtins.TypeError"),
    ],
)
def test_a_failure_is_told_with_its_class_and_its_traceback(known, name, args, error):
    result = finished(getattr(known, name).enqueue(*args))
    assert result.status == TaskResultStatus.FAILED
    assert {one.exception_class_path for one in result.errors} == {error}
    assert issubclass(result.errors[0].exception_class, BaseException)
    assert "Traceback" in result.errors[0].traceback
    assert error.rpartition(".")[2] in result.errors[0].traceback
    with pytest.raises(ValueError, match="Task failed"):
        _ = result.return_value


def test_the_traceback_tells_what_caused_it_and_not_who_ran_it(known):
    (first, *_) = finished(known.fail.enqueue("boom")).errors
    assert "KeyError: 'boom'" in first.traceback
    assert first.traceback.endswith("host.tasks.Odd: boom\n")


def test_an_error_that_no_future_takes_is_one_too(known):
    result = finished(known.stop_iterating.enqueue())
    assert result.errors[0].exception_class is StopIteration


# ---- Context, times, signals ----


def test_a_task_may_know_of_itself(known):
    result = finished(known.about.enqueue("hello"))
    assert result.return_value == ["hello", 1, result.id, "RUNNING", 1]


def test_times_workers_and_attempts_are_told(known):
    before = datetime.now(UTC)
    result = finished(known.add.enqueue(1))
    times = [result.enqueued_at, result.started_at, result.last_attempted_at, result.finished_at]
    assert times == sorted(times)
    assert before <= times[0]
    assert times[-1] <= datetime.now(UTC)
    assert result.started_at == result.last_attempted_at
    assert result.attempts == len(result.worker_ids) == 1
    assert result.is_finished


@pytest.mark.parametrize(
    ("name", "status"), [("give_back", "SUCCESSFUL"), ("fail", "FAILED"), ("fail_later", "FAILED")]
)
def test_signals_tell_of_each_step(known, name, status):
    told = []

    def hear(signal, sender, task_result, **kwargs):
        told.append((signal, sender, task_result.id, task_result.status))

    signals = [task_enqueued, task_started, task_finished]
    for signal in signals:
        signal.connect(hear)
    try:
        result = finished(getattr(known, name).enqueue("x"))
        until(lambda: told[-1:] and told[-1][0] is task_finished, "word of the end")
    finally:
        for signal in signals:
            signal.disconnect(hear)
    sender = type(task_backends["default"])
    first, *between, last = told
    assert first == (task_enqueued, sender, result.id, "READY")
    assert set(between) == {(task_started, sender, result.id, "RUNNING")}
    assert last == (task_finished, sender, result.id, status)


# ---- What a back-end says that it supports, it does; what it does not, it refuses ----


def test_results_are_found_again_or_not_at_all(backend, known):
    result = finished(known.give_back.enqueue({"a": 1}))
    if not backend.supports_get_result:
        with pytest.raises(NotImplementedError):
            known.give_back.get_result(result.id)
        with pytest.raises(NotImplementedError):
            asyncio.run(backend.aget_result(result.id))
        return
    for found in (
        known.give_back.get_result(result.id),
        backend.get_result(result.id),
        async_to_sync(known.give_back.aget_result)(result.id),
        async_to_sync(backend.aget_result)(result.id),
    ):
        assert found == result
        assert found.return_value == {"a": 1}
    with pytest.raises(TaskResultMismatch):
        known.fail.get_result(result.id)
    with pytest.raises(TaskResultMismatch):
        async_to_sync(known.fail.aget_result)(result.id)
    for unknown in ("", "nobody", "\x00", "a" * 500):
        with pytest.raises(TaskResultDoesNotExist):
            known.give_back.get_result(unknown)


def test_a_result_is_as_it_was_until_it_is_refreshed(backend, known):
    if not backend.supports_get_result:
        result = known.give_back.enqueue(1)
        with pytest.raises(NotImplementedError):
            result.refresh()
        return
    result = known.note.enqueue("held", holds=True)
    until(lambda: "held" in known.ran, "a task that runs")
    assert result.status == TaskResultStatus.READY
    result.refresh()
    assert result.status == TaskResultStatus.RUNNING
    assert not result.is_finished
    with pytest.raises(ValueError, match="not finished"):
        _ = result.return_value
    known.gate.set()
    finished(result)
    again = known.note.get_result(result.id)
    async_to_sync(result.arefresh)()
    assert result == again


def test_a_time_to_run_after_is_kept_or_refused(backend, known):
    with pytest.raises(InvalidTask, match="run_after"):
        known.add.using(run_after=datetime.now())
    at = datetime.now(UTC) + timedelta(seconds=0.5)
    if not backend.supports_defer:
        with pytest.raises(InvalidTask, match="does not support run_after"):
            known.add.using(run_after=at)
        return
    result = finished(known.add.using(run_after=at).enqueue(1))
    assert result.started_at >= at
    assert result.task.run_after == at


def test_coroutines_run_where_they_are_supported(backend, known):
    assert backend.supports_async_task
    assert backend.supports_priority
    assert finished(known.add_later.enqueue(1)).return_value == 2
