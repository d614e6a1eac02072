"""The project with its tables, a room and a worker."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import django
import pytest

PROJECT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 30

os.environ["DJANGO_SETTINGS_MODULE"] = "host.settings"
django.setup()


def run(*arguments):
    """A management command, and what it says."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=PROJECT, capture_output=True, text=True,
        check=False, timeout=90,
    )  # fmt: skip


@contextmanager
def running(name, *arguments):
    """A management command that runs until it is told to stop, and its log."""
    log = PROJECT / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments], cwd=PROJECT, stdout=out, stderr=out
        )
    try:
        yield lambda: log.read_text("utf-8")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    assert process.returncode == 0, log.read_text("utf-8")
    assert "Traceback" not in log.read_text("utf-8")


@pytest.fixture(scope="session")
def room():
    from bus.models import Room

    done = run("migrate", "--verbosity", "0")
    assert done.returncode == 0, done.stderr
    return Room.objects.create(name="pond", access="open", moderation="standard")


@pytest.fixture(scope="session")
def worker(room):
    with running("worker", "runworker"):
        yield
