"""A process that is killed between its commit and its send: the message comes, once; or never."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.support.backend import Backend
from tests.support.wait import until
from tests.support.worker_bench import Bench, bench


@pytest.fixture
def jobs(backend: Backend) -> Iterator[Bench]:
    """The test's channels, and no worker yet."""
    with bench(backend, "outbox") as found:
        yield found


def kill_at(jobs: Bench, place: str, number: int) -> None:
    """Have a process send a job with a transaction, and kill it where it stands."""
    jobs.site.start(place, "-m", "tests.support.committer", place, str(number))
    jobs.site.wait_for(place, f"stands {place}")
    assert jobs.site.processes[place].poll() is None
    jobs.site.kill(place)
    assert jobs.site.processes[place].returncode == -signal.SIGKILL


def queued(jobs: Bench) -> int:
    ((count,),) = jobs.site.backend.query("SELECT count(*) FROM bus_queuedsend")
    return int(count)


@contextmanager
def silent(jobs: Bench) -> Iterator[None]:
    """The broker takes connections and answers nothing."""
    with redis.Redis.from_url(jobs.site.backend.url) as client:
        pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def handled_by_a_worker(jobs: Bench, last: int) -> list[int]:
    """Start a worker, which relays what it finds; all that it handled up to a last job."""
    jobs.site.worker("worker", "jobs")
    # What is stored later is sent later, so nothing that was left is still to come.
    jobs.site.start("live", "-m", "tests.support.committer", "finished", str(last))
    until(lambda: last in jobs.done(), "the last job", 40)
    until(lambda: queued(jobs) == 0, "an empty outbox")
    jobs.wait_until_empty("jobs")
    return [note.n for note in jobs.notes("done")]


def test_killed_after_its_commit_it_is_sent_once_by_another(jobs: Bench) -> None:
    kill_at(jobs, "committed", 1)
    assert queued(jobs) == 1
    assert jobs.left("jobs") == 0
    assert handled_by_a_worker(jobs, 2) == [1, 2]


def test_killed_while_a_silent_broker_is_waited_for_it_is_sent_once(jobs: Bench) -> None:
    with silent(jobs):
        kill_at(jobs, "sending", 1)
        assert queued(jobs) == 1
    assert handled_by_a_worker(jobs, 2) == [1, 2]


def test_rolled_back_or_killed_before_its_commit_it_is_never_sent(jobs: Bench) -> None:
    kill_at(jobs, "open", 1)
    kill_at(jobs, "rolled back", 2)
    assert queued(jobs) == 0
    assert handled_by_a_worker(jobs, 3) == [3]
