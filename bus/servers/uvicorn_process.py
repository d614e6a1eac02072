"""uvicorn with a listening socket for each process: `python -m bus.servers.uvicorn_process`.

It takes uvicorn's own arguments. Where WEB_CONCURRENCY asks for several processes, uvicorn has them
share one socket, and the kernel wakes all for each connection: one of them tends to be there first,
and to get most. With SO_REUSEPORT the kernel deals connections out evenly, by their addresses. The
parent keeps the sockets open: what waits in one while its process is replaced is taken by the next.
What waits in one whose process hangs waits with it: a process answers the parent's health checks
only while its event loop runs, so that the parent replaces it.

Read: uvicorn 0.54.0 (main.py, server.py, supervisors/multiprocess.py, config.py).
Relies on:
    uvicorn.main: Multiprocess, main
    uvicorn.main.run: `sock = config.bind_socket()`, `Multiprocess(config, sockets=[sock]).run()`
    uvicorn.supervisors.multiprocess: Process, logger
    uvicorn.supervisors.multiprocess.Multiprocess: terminate_all, restart_all, handle_ttou
    uvicorn.supervisors.multiprocess.Multiprocess.__init__: `self.sockets = sockets`
    uvicorn.supervisors.multiprocess.Multiprocess.init_processes:
        `process = Process(self.config, self.sockets)`, `self.processes.append(process)`
    uvicorn.supervisors.multiprocess.Multiprocess.keep_subprocess_alive:
        `for idx, process in enumerate(self.processes):`, `process.join()`,
        `process = Process(self.config, self.sockets)`
    uvicorn.supervisors.multiprocess.Multiprocess.restart_all:
        `for idx, old_process in enumerate(self.processes):`,
        `new_process = Process(self.config, self.sockets)`
    uvicorn.supervisors.multiprocess.Multiprocess.handle_ttou: `process = self.processes.pop()`
    uvicorn.supervisors.multiprocess.Process: exitcode
    uvicorn.supervisors.multiprocess.Process.always_pong: `self.pong()`
    uvicorn.supervisors.multiprocess.Process.pong:
        `self.child_conn.recv()`, `self.child_conn.send(self.server.started)`
    uvicorn.server.Server.startup: `self.servers.append(server)`, `self.started = True`
    uvicorn.config.Config.bind_socket: `logger.error(exc)`, `sys.exit(STARTUP_FAILURE)`
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
import threading
from collections.abc import Iterator

from bus.conf.extras import brought_by

with brought_by("server"):
    from uvicorn.config import STARTUP_FAILURE, Config
    from uvicorn.supervisors import multiprocess
    from uvicorn.supervisors.multiprocess import Multiprocess, Process


class LoopProcess(Process):
    """A child that answers health checks only while its event loop runs."""

    def pong(self) -> None:
        """Answer one; once it serves, when the loop has come round."""
        self.child_conn.recv()
        started = self.server.started
        if started:
            came_round = threading.Event()
            try:
                self.server.servers[0].get_loop().call_soon_threadsafe(came_round.set)
            except RuntimeError:
                # The loop is closed: the process is at its end.
                came_round.set()
            came_round.wait()
        self.child_conn.send(started)


class EvenProcesses(Multiprocess):
    """uvicorn's parent process; each child has a number, and each number a listening socket."""

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        self._bound: dict[int, socket.socket] = {}
        self._numbers: dict[Process, int] = {}
        self._given = 0
        self._replaced: Iterator[Process] | None = None
        (self._shared,) = sockets
        super().__init__(config, sockets)
        if can_share_port(self._shared):
            address = self._shared.getsockname()
            try:
                self._lock = locked(address)
                # It has found that nobody else has the port, which sockets that share one do not.
                self._shared.close()
                for number in range(self.processes_num):
                    self._bound[number] = listening(self._shared.family, address)
            except OSError as error:
                multiprocess.logger.error(error)
                sys.exit(STARTUP_FAILURE)

    @property
    def sockets(self) -> list[socket.socket]:
        """What the child is given that is made next."""
        if not self._bound:
            return [self._shared]
        self._given = self._next_number()
        if self._given not in self._bound:
            first = next(iter(self._bound.values()))
            self._bound[self._given] = listening(first.family, first.getsockname())
        return [self._bound[self._given]]

    @sockets.setter
    def sockets(self, _: list[socket.socket]) -> None:
        """uvicorn's own, of which there is one."""

    def restart_all(self) -> None:
        """Replace each child by one of its number."""
        self._replaced = iter(list(self.processes))
        try:
            super().restart_all()
        finally:
            self._replaced = None

    def terminate_all(self) -> None:
        """Stop, and refuse at once who comes meanwhile, as a single process does."""
        super().terminate_all()
        for each in [*self._bound.values(), self._shared]:
            each.close()
        if self._bound:
            self._lock.close()

    def handle_ttou(self) -> None:
        """One process less: nobody waits for it."""
        super().handle_ttou()
        if self._bound:
            held = set(self._held().values())
            for number in self._bound.keys() - held:
                self._bound.pop(number).close()

    def _next_number(self) -> int:
        """That of the child that is replaced; else the lowest no living one has; or a new one."""
        held = self._held()
        if self._replaced is not None:
            return held[next(self._replaced)]
        living = {number for process, number in held.items() if process.exitcode is None}
        return min(self._bound.keys() - living, default=max(self._bound) + 1)

    def _held(self) -> dict[Process, int]:
        """The number of each child; the one that is not known yet was made last."""
        self._numbers = {each: self._numbers.get(each, self._given) for each in self.processes}
        return self._numbers


def can_share_port(bound: socket.socket) -> bool:
    """Whether the kernel deals connections out among sockets of one port: Linux does, for TCP."""
    return sys.platform == "linux" and bound.family in (socket.AF_INET, socket.AF_INET6)


def locked(address: tuple[str, int]) -> socket.socket:
    """What one parent of a user has for an address and port, until it is closed or the parent ends.

    The kernel lets all of one user's sockets share a port, those of another server, too.
    OSError where another parent has it.
    """
    lock = socket.socket(socket.AF_UNIX)
    try:
        # A name with a zero byte in front is no file, and is gone with its socket.
        lock.bind(f"\0bus-port-{os.getuid()}-{address[0]}-{address[1]}")
    except OSError:
        lock.close()
        raise
    return lock


def listening(family: int, address: tuple[str, int]) -> socket.socket:
    """One of the sockets of a port; it gets connections once its process listens."""
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(address)
    made.set_inheritable(True)
    return made


def main() -> None:
    """Run uvicorn's command line."""
    # The package has a function of this module's name.
    module = importlib.import_module("uvicorn.main")
    module.Multiprocess = EvenProcesses  # type: ignore[attr-defined]
    multiprocess.Process = LoopProcess  # type: ignore[misc]
    module.main()


if __name__ == "__main__":
    main()
