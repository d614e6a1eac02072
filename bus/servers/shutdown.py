"""Drains a web process before its server ends it: what uvicorn does by itself is abrupt.

On SIGTERM uvicorn closes all sockets at once, before the application hears of it. So the signal is
taken first by us, where the server is uvicorn, and passed on when the sockets are closed. A second
signal is passed on at once.

Daphne tells of neither beginning nor end, and on SIGTERM breaks all connections. So the first
socket has its signals taken, too, and what the process opened is closed before they are passed on.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Protocol

from bus.conf import conf
from bus.servers.running import SIGNALS, is_main_thread, running_uvicorn, warn_of_missing_bounds
from bus.servers.wire import is_daphne

logger = logging.getLogger(__name__)


class Sockets(Protocol):
    """The sockets of an event loop, which end before its server does."""

    @property
    def draining(self) -> bool:
        """Whether they are being closed."""

    async def drain(self) -> None:
        """Close them one by one."""


def drain_on_signals(sockets: Callable[[], Sockets]) -> None:
    """Have the running server's signals drain this event loop's sockets first."""
    server = running_uvicorn()
    if server is None:
        return
    for number in SIGNALS:
        handler = signal.getsignal(number)
        if getattr(handler, "__self__", None) is server:
            signal.signal(number, _Stop(server, handler, asyncio.get_running_loop(), sockets))


class Stoppable:
    """ASGI middleware: has Daphne drain, from the first socket on."""

    def __init__(
        self,
        application: Any,
        sockets: Callable[[], Sockets],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        """`close` is called once the sockets are closed; other servers tell of the end."""
        self._application = application
        self._sockets = sockets
        self._close = close
        self._known = False

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[None]:
        """Pass the handshake on, and stay out of the way: a coroutine here would last as long."""
        if not self._known:
            self._known = True
            if is_daphne(send) and is_main_thread():
                warn_of_missing_bounds()
                loop = asyncio.get_running_loop()
                for number in SIGNALS:
                    handler = signal.getsignal(number)
                    reactor = getattr(handler, "__self__", None)
                    # What Daphne's reactor does not handle is somebody else's.
                    if reactor is not None:
                        signal.signal(
                            number, _Stop(reactor, handler, loop, self._sockets, self._close)
                        )
        return self._application(scope, receive, send)  # type: ignore[no-any-return]


async def _nothing() -> None:
    """The server tells of the end itself."""


class _Stop:
    """Takes one kind of signal for a server."""

    def __init__(
        self,
        server: Any,
        handler: Any,
        loop: asyncio.AbstractEventLoop,
        sockets: Callable[[], Sockets],
        close: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        self._server = server
        self._handler = handler
        self._loop = loop
        self._sockets = sockets
        self._close = close
        self._task: asyncio.Task[None] | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        if self._sockets().draining:
            self._handler(number, None)
        else:
            self._task = self._loop.create_task(self._drain(number))

    async def _drain(self, number: int) -> None:
        try:
            for listener in getattr(self._server, "servers", ()):
                listener.close()
            async with asyncio.timeout(conf.closing_window + 2):
                await self._sockets().drain()
            await self._close()
        except Exception:
            logger.exception("The sockets could not be closed one by one; the server closes them.")
        finally:
            self._handler(number, None)
