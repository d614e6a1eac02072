"""Workers in processes of their own, killed in the midst of tasks: none is lost."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

pytest.importorskip("django.tasks", reason="django.tasks came with Django 6.0")

from django.conf import settings as django_settings
from django.db import connection
from host.wait import finished, until

from bus.models import TaskResult

WORKER = ["-m", "django", "runworker"]
TASKS = 120


@pytest.fixture
def notes(tmp_path):
    """The file that tasks write to: a number and a process in each line."""
    return tmp_path / "notes"


def lines(notes):
    """What was noted: pairs of a task's number and its process."""
    text = notes.read_text() if notes.exists() else ""
    return [tuple(map(int, line.split())) for line in text.splitlines()]


@contextmanager
def fleet(size, tmp_path, **environ):
    """Worker processes on the tests' database, by their pids; `start` starts one more."""
    environ = {**os.environ, **environ}
    if connection.vendor == "postgresql":
        name = connection.settings_dict["NAME"]
        environ["DATABASE_URL"] = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    log = tmp_path / "log"
    processes = {}

    def start():
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, *WORKER],
                cwd=django_settings.BASE_DIR,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        processes[process.pid] = process

    for _ in range(size):
        start()
    try:
        yield processes, start
    except BaseException:
        print(log.read_text()[-6000:])
        raise
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def test_workers_that_are_killed_lose_no_task(tasks, notes, tmp_path):
    waiting = {10, 50, 90}
    results = [tasks.note_in_file.enqueue(str(notes), n, waits=n in waiting) for n in range(TASKS)]
    with fleet(2, tmp_path, BUS_HANDLER_TIMEOUT="120") as (processes, start):
        for n in waiting:
            pid = until(lambda n=n: dict(lines(notes)).get(n), f"task {n}", 60)
            os.kill(pid, signal.SIGKILL)
            processes.pop(pid).wait()
            start()
        for n, result in enumerate(results):
            finished(result)
            assert (result.status, result.return_value) == ("SUCCESSFUL", n)
            assert result.attempts == (2 if n in waiting else 1)
    assert sorted(n for n, _ in lines(notes)) == sorted([*range(TASKS), *waiting])


def test_a_task_that_hangs_in_its_thread_fails_and_its_worker_goes_on(tasks, tmp_path):
    hangs = tasks.hang_in_thread.using(max_attempts=1).enqueue()
    with fleet(1, tmp_path, BUS_HANDLER_TIMEOUT="1"):
        finished(hangs)
        assert TaskResult.objects.get(pk=hangs.id).status == "FAILED"
        assert hangs.errors[0].exception_class is TimeoutError
        after = finished(tasks.add.enqueue(1))
        assert after.return_value == 2
        # The process that has the thread is gone: what hangs does not pile up.
        assert after.worker_ids != hangs.worker_ids
