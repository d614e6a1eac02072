"""Several web processes on one port: each has its share, and none of it is lost as they change."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.spread import children, one_by_one, sockets_of
from tests.support.site import Site, running
from tests.support.wait import until

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for sockets in /proc")

PROCESSES = 2
SOCKETS = 200
# Of the sockets, at least for each process: by chance less is rarer than one in ten million.
SHARE = 0.3


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with (
        tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path,
        running(Path(path), WEB_CONCURRENCY=str(PROCESSES)) as site,
    ):
        until(lambda: serving(site) == PROCESSES, "all web processes", 60)
        yield site


def serving(site: Site) -> int:
    """How many web processes have a listening socket that no other has."""
    held = [listening(pid, site.port) for pid in children(site.web.pid)]
    return sum(bool(own - set().union(*held[:at], *held[at + 1 :])) for at, own in enumerate(held))


def sockets_on(port: int) -> set[str]:
    """The inodes of the sockets that listen on a port."""
    # Local address, state (0A is LISTEN) and inode, as the kernel prints them.
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"}


def listening(pid: int, port: int) -> set[str]:
    """Those a process has."""
    try:
        names = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return set()
    return {inode for inode in sockets_on(port) if f"socket:[{inode}]" in names}


def test_sockets_that_come_one_by_one_go_to_all_processes(site: Site) -> None:
    webs = children(site.web.pid)
    assert len(webs) == PROCESSES
    assert serving(site) == len(sockets_on(site.port)) == PROCESSES
    before = [sockets_of(web) for web in webs]
    shares = one_by_one(
        site.port,
        SOCKETS,
        lambda: [sockets_of(web) - idle for web, idle in zip(webs, before, strict=True)],
    )
    assert sum(shares) >= SOCKETS
    assert min(shares) >= SHARE * SOCKETS, shares


def test_no_connection_is_lost_while_processes_are_replaced(site: Site) -> None:
    before = set(children(site.web.pid))
    done = threading.Event()
    answers: list[bytes] = []

    def ask() -> None:
        while not done.is_set():
            with socket.create_connection(("127.0.0.1", site.port), timeout=30) as opened:
                opened.sendall(
                    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                )
                answers.append(opened.recv(12))

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        site.web.send_signal(signal.SIGHUP)
        until(
            lambda: before.isdisjoint(now := set(children(site.web.pid))) and len(now) == PROCESSES,
            "new web processes",
            90,
        )
        until(lambda: serving(site) == PROCESSES, "all web processes", 60)
    finally:
        done.set()
        for thread in asking:
            thread.join()
    assert len(answers) > 10
    assert set(answers) == {b"HTTP/1.1 200"}


def test_who_comes_to_one_that_was_killed_is_let_in_by_the_next(site: Site) -> None:
    killed, *_ = children(site.web.pid)
    os.kill(killed, signal.SIGKILL)
    # Half of them, by chance; each waits until it is let in.
    assert one_by_one(site.port, 20, lambda: [20]) == [20]
    until(lambda: serving(site) == PROCESSES, "all web processes", 60)
    assert killed not in children(site.web.pid)


def test_where_all_were_killed_each_socket_has_a_process_again(site: Site) -> None:
    killed = set(children(site.web.pid))
    # The last first: the parent may find it before the first has ended.
    for pid in sorted(killed, reverse=True):
        os.kill(pid, signal.SIGKILL)
    until(
        lambda: killed.isdisjoint(children(site.web.pid)) and serving(site) == PROCESSES,
        "all web processes",
        60,
    )
    assert len(sockets_on(site.port)) == PROCESSES
    assert one_by_one(site.port, 20, lambda: [20]) == [20]


def test_a_stop_refuses_at_once_who_comes_while_it_lasts(site: Site) -> None:
    def refused() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", site.port)) != 0

    def stop() -> list[int]:
        site.web.send_signal(signal.SIGTERM)
        until(refused, "nobody listens", 30)
        return [site.web.poll() is None]

    # What does not answer to being closed keeps the processes for a moment.
    assert one_by_one(site.port, 20, stop) == [True]
    assert site.web.wait(30) == 0
