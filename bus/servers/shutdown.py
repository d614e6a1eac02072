"""Drains a web process before its server ends it: what uvicorn does by itself is abrupt.

On SIGTERM uvicorn closes all sockets at once, before the application hears of it. So the signal is
taken first by us, where the server is uvicorn, and passed on when the sockets are closed. A second
signal is passed on at once.

Daphne tells of neither beginning nor end, and on SIGTERM breaks all connections; and a project may
compose an application that does not listen to uvicorn's. So the first socket has the signals taken,
too, and what the process opened is closed before they are passed on.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from types import FrameType
from typing import Any, Protocol

from bus.conf import conf
from bus.servers import stop_signals
from bus.servers.daphne import is_daphne
from bus.servers.stop_signals import Handler
from bus.servers.uvicorn_server import running_uvicorn, stop_listening, warn_of_missing_bounds

logger = logging.getLogger(__name__)


class Sockets(Protocol):
    """The sockets of an event loop, which end before its server does."""

    @property
    def draining(self) -> bool:
        """Whether they are being closed."""

    async def drain(self) -> None:
        """Close them one by one."""


async def _nothing() -> None:
    """The server tells of the end itself."""


def drain_on_signals(
    sockets: Callable[[], Sockets], close: Callable[[], Awaitable[None]] = _nothing
) -> None:
    """Have the running uvicorn's signals drain this event loop's sockets first; once is enough.

    `close` is called once they are closed.
    """
    server = running_uvicorn()
    if server is None:
        return
    for handler in stop_signals.handlers():
        if handler.owner is server:
            before = partial(stop_listening, server)
            _Drain(handler, sockets, before=before, after=close).install()


# The event loops whose first socket has come.
_known: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


class Draining:
    """ASGI middleware: from the first socket on, has a server drain that told of no start."""

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

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[None]:
        """Pass the handshake on, and stay out of the way: a coroutine here would last as long."""
        loop = asyncio.get_running_loop()
        if loop not in _known:
            _known.add(loop)
            self._prepare(is_daphne(send))
        return self._application(scope, receive, send)  # type: ignore[no-any-return]

    def _prepare(self, daphne: bool) -> None:
        if not daphne:
            # Where the start was told, the signals are taken by now.
            drain_on_signals(self._sockets, self._close)
        elif stop_signals.is_main_thread():
            warn_of_missing_bounds()
            # What Daphne's reactor does not handle is somebody else's.
            for handler in stop_signals.handlers():
                _Drain(handler, self._sockets, after=self._close).install()


class _Drain:
    """Takes one kind of signal for a server, and passes it on once the sockets are closed."""

    def __init__(
        self,
        handler: Handler,
        sockets: Callable[[], Sockets],
        *,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._sockets = sockets
        self._before = before
        self._after = after
        self._task: asyncio.Task[None] | None = None

    def install(self) -> None:
        """Handle the signal from now on."""
        signal.signal(self._handler.number, self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        if self._sockets().draining:
            self._handler.call(number, None)
        else:
            self._task = self._loop.create_task(self._drain(number))

    async def _drain(self, number: int) -> None:
        try:
            self._before()
            async with asyncio.timeout(conf.closing_window + 2):
                await self._sockets().drain()
            await self._after()
        except Exception:
            logger.exception("The sockets could not be closed one by one; the server closes them.")
        finally:
            self._handler.call(number, None)
