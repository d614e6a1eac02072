"""Whether a worker of this machine has died is asked of the kernel."""

import os
import subprocess
import sys
from pathlib import Path

from bus.broker.worker.local_workers import has_died, new_worker_id, pid_here
from tests.support.wait import until


def test_who_lives_has_not_died() -> None:
    assert pid_here(new_worker_id()) == os.getpid()
    assert not has_died(os.getpid())


def test_who_ended_has_died_even_before_its_parent_knows() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert not has_died(child.pid)
        child.kill()
        if sys.platform == "linux":
            until(lambda: has_died(child.pid), "the zombie counts as dead", 5)
    finally:
        child.wait()
        if child.stdin:
            child.stdin.close()
    assert has_died(child.pid)


def test_of_another_machine_nothing_is_known() -> None:
    here = new_worker_id()
    for odd in ("elsewhere-77-abcd", "", "w", "a-b", "-1-x"):
        assert pid_here(odd) is None
    # One of the same name, as a clone has, was not started by the same start.
    place, pid, random = here.rsplit("-", 2)
    host, boot, space = place.rsplit(".", 2)
    assert pid_here(f"{host}.{boot[::-1]}.{space}-{pid}-{random}") is None
    assert pid_here(f"{host}-{pid}-{random}") is None


def test_where_starts_cannot_be_told_apart_nobody_is_near(tmp_path: Path) -> None:
    none = tmp_path / "none"
    assert pid_here(new_worker_id(none), none) is None
