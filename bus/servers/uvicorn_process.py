"""uvicorn with a listening socket for each process: `python -m bus.servers.uvicorn_process`.

It takes uvicorn's own arguments. Where WEB_CONCURRENCY asks for several processes, uvicorn has them
share one socket, and the kernel wakes all for each connection: one of them tends to be there first,
and to get most. With SO_REUSEPORT the kernel deals connections out evenly, by their addresses. The
parent keeps the sockets open: what waits in one while its process is replaced is taken by the next.

Read: uvicorn 0.54.0 (main.py, supervisors/multiprocess.py, config.py).
Relies on:
    uvicorn.main: Multiprocess, main
    uvicorn.main.run: `sock = config.bind_socket()`, `Multiprocess(config, sockets=[sock]).run()`
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
"""

from __future__ import annotations

import importlib
import socket
import sys
from collections.abc import Iterator

from bus.conf.extras import brought_by

with brought_by("server"):
    from uvicorn.config import Config
    from uvicorn.supervisors.multiprocess import Multiprocess


class EvenProcesses(Multiprocess):
    """uvicorn's parent process; each child has a number, and each number a listening socket."""

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        self._bound: list[socket.socket] = []
        self._replaced: Iterator[int] | None = None
        (self._shared,) = sockets
        super().__init__(config, sockets)
        if can_share_port(self._shared):
            address = self._shared.getsockname()
            # It has found that nobody else has the port, which sockets that share one do not.
            self._shared.close()
            self._bound = [
                listening(self._shared.family, address) for _ in range(self.processes_num)
            ]

    @property
    def sockets(self) -> list[socket.socket]:
        """What the child is given that is made next."""
        if not self._bound:
            return [self._shared]
        number = self._next_number()
        if number == len(self._bound):
            first = self._bound[0]
            self._bound.append(listening(first.family, first.getsockname()))
        return [self._bound[number]]

    @sockets.setter
    def sockets(self, _: list[socket.socket]) -> None:
        """uvicorn's own, of which there is one."""

    def restart_all(self) -> None:
        """Replace each child by one of its number."""
        self._replaced = iter(range(len(self.processes)))
        try:
            super().restart_all()
        finally:
            self._replaced = None

    def terminate_all(self) -> None:
        """Stop, and refuse at once who comes meanwhile, as a single process does."""
        super().terminate_all()
        for each in self._bound or [self._shared]:
            each.close()

    def handle_ttou(self) -> None:
        """One process less: nobody waits for it."""
        super().handle_ttou()
        while len(self._bound) > max(1, len(self.processes)):
            self._bound.pop().close()

    def _next_number(self) -> int:
        """That of the child that is replaced, or of the first that has ended; else a new one."""
        if self._replaced is not None:
            return next(self._replaced)
        ended = (at for at, each in enumerate(self.processes) if each.exitcode is not None)
        return next(ended, len(self.processes))


def can_share_port(bound: socket.socket) -> bool:
    """Whether the kernel deals connections out among sockets of one port: Linux does, for TCP."""
    return sys.platform == "linux" and bound.family in (socket.AF_INET, socket.AF_INET6)


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
    module.main()


if __name__ == "__main__":
    main()
