"""The requests of a web process, whose sync code shares a bounded number of connections."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import ThreadSensitiveContext

from bus.database import threads
from bus.database.connection_limit import ConnectionLimit

T = TypeVar("T")
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

_numbers = itertools.count()


class RequestExecutor(Executor):
    """The thread of one request: each piece of its sync code waits for a permit.

    Requests that came first go first, so that the last ones wait, and none is half done for long.
    """

    def __init__(self, limit: ConnectionLimit) -> None:
        self.refused = False
        # Who was answered already is not refused any more.
        self.answered = False
        self._limit = limit
        self._order = next(_numbers)
        self._thread = threads.one_thread("request")

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have a piece of sync code done; asgiref calls this from the event loop."""
        work = partial(fn, *args, **kwargs)
        return self._limit.submit(
            work, self._thread, self._refuse, order=self._order, bounded=not self.answered
        )

    def close(self) -> None:
        """End the thread once it is idle."""
        self._thread.shutdown(wait=False)

    def _refuse(self, answer: Future[Any]) -> None:
        # Django takes a request that is cancelled as one whose client left, and ends it.
        self.refused = answer.cancel() or self.refused


class BoundedRequests:
    """ASGI middleware around Django: the sync code of all requests shares a limit's permits."""

    def __init__(
        self,
        application: Application,
        limit: ConnectionLimit,
        refuse: Callable[[dict[str, Any], Any], Awaitable[None]],
    ) -> None:
        """`refuse` answers a request that found no permit in time."""
        self._application = application
        self._limit = limit
        self._refuse = refuse

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        executor = RequestExecutor(self._limit)

        async def answer(message: dict[str, Any]) -> None:
            executor.answered = True
            await send(message)

        try:
            async with ThreadSensitiveContext(executor=executor):
                await self._application(scope, receive, answer)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not executor.refused or (task is not None and task.cancelling()):
                raise
        finally:
            executor.close()
        if executor.refused and not executor.answered:
            await self._refuse(scope, send)
