"""Web processes that share a port: whose the port is, who has which socket, who answers."""

from __future__ import annotations

import queue
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors.multiprocess import SIGNALS

from bus.servers.uvicorn_process import EvenProcesses, LoopProcess

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sockets share a port on Linux")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """A parent takes the signals of the process it is made in."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def parent() -> Iterator[EvenProcesses]:
    made = parent_on(0)
    yield made
    made.processes.clear()
    made.terminate_all()


def parent_on(port: int) -> EvenProcesses:
    config = Config("app:app", host="127.0.0.1", port=port, workers=2, log_config=None)
    return EvenProcesses(config, [config.bind_socket()])


class Child:
    """One that runs until it is said that it has ended."""

    exitcode: int | None = None

    def terminate(self) -> None:
        self.exitcode = 0

    def join(self) -> None:
        assert self.exitcode is not None


def started(parent: EvenProcesses) -> tuple[Any, socket.socket]:
    """A child as uvicorn makes one, and the socket it was given."""
    (given,) = parent.sockets
    return Child(), given


def crossed(parent: EvenProcesses) -> list[socket.socket]:
    """Two children that were replaced, the second first; the sockets they have now.

    So it is where the first ends while the parent waits for the second, which hangs.
    """
    given = []
    for _ in range(2):
        child, bound = started(parent)
        parent.processes.append(child)
        given.append(bound)
    assert given[0] is not given[1]
    for child in parent.processes:
        child.terminate()
    for index in (1, 0):
        parent.processes[index], given[index] = started(parent)
    return given


def test_a_port_is_one_servers_before_any_process_listens(
    parent: EvenProcesses, caplog: pytest.LogCaptureFixture
) -> None:
    port = parent.sockets[0].getsockname()[1]
    with pytest.raises(SystemExit) as ended:
        parent_on(port)
    assert ended.value.code == STARTUP_FAILURE
    assert caplog.messages[-1].endswith("Address already in use")


def test_a_port_is_free_again_once_its_server_stops() -> None:
    first = parent_on(0)
    port = first.sockets[0].getsockname()[1]
    first.terminate_all()
    second = parent_on(port)
    assert second.sockets[0].getsockname()[1] == port
    second.terminate_all()


def test_a_socket_goes_to_one_living_process_whichever_is_replaced_first(
    parent: EvenProcesses,
) -> None:
    given = crossed(parent)
    assert given[0] is not given[1]
    parent.processes[0].terminate()
    parent.processes[0], again = started(parent)
    assert again is given[0]


def test_one_process_less_closes_its_socket_and_no_other(parent: EvenProcesses) -> None:
    stays, goes = crossed(parent)
    parent.handle_ttou()
    assert (goes.fileno(), stays.fileno() > 0) == (-1, True)
    parent.processes[0].terminate()
    assert started(parent)[1] is stays


class Loop:
    """Keeps what it is asked to run."""

    def __init__(self) -> None:
        self.asked: queue.Queue[Callable[[], None]] = queue.Queue()
        self.call_soon_threadsafe = self.asked.put


def child_of(loop: object, *, is_started: bool) -> LoopProcess:
    class Child(LoopProcess):
        @property
        def server(self) -> Any:
            return SimpleNamespace(
                started=is_started, servers=[SimpleNamespace(get_loop=lambda: loop)]
            )

    return Child(Config("app:app", workers=2, log_config=None), [])


def test_a_process_answers_once_its_loop_has_come_round() -> None:
    loop = Loop()
    child = child_of(loop, is_started=True)
    child.parent_conn.send(b"ping")
    thread = threading.Thread(target=child.pong, daemon=True)
    thread.start()
    come_round = loop.asked.get(timeout=20)
    assert not child.parent_conn.poll(0)
    come_round()
    assert child.parent_conn.poll(20)
    assert child.parent_conn.recv() is True
    thread.join()


def test_a_process_that_starts_or_ends_answers_without_a_loop() -> None:
    def closed(_: Callable[[], None]) -> None:
        raise RuntimeError("Event loop is closed")

    for loop, is_started in ((None, False), (SimpleNamespace(call_soon_threadsafe=closed), True)):
        child = child_of(loop, is_started=is_started)
        child.parent_conn.send(b"ping")
        child.pong()
        assert child.parent_conn.recv() is is_started
