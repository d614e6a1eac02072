"""The requests of a web process, whose sync code shares a bounded number of connections."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import ThreadSensitiveContext

from bus.database.connection_limit import Lane

T = TypeVar("T")
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

_numbers = itertools.count()


class Turn(Executor):
    """The thread of one request: the pieces of its sync code wait for places in a lane.

    Requests that came first go first, so that the last ones wait, and none is half done for long.
    """

    def __init__(self, lane: Lane) -> None:
        self.refused = False
        # Who was answered already is not refused any more.
        self.answered = False
        self._lane = lane
        self._order = next(_numbers)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="request")

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have a piece of sync code done; asgiref calls this from the event loop."""
        work = partial(fn, *args, **kwargs)
        return self._lane.submit(
            work, self._thread, self._refuse, order=self._order, bounded=not self.answered
        )

    def close(self) -> None:
        """End the thread once it is idle."""
        self._thread.shutdown(wait=False)

    def _refuse(self, answer: Future[Any]) -> None:
        # Django takes a request that is cancelled as one whose client left, and ends it.
        self.refused = answer.cancel() or self.refused


class Requests:
    """ASGI middleware around Django: sync code of all requests shares the places of a lane."""

    def __init__(
        self,
        application: Application,
        lane_of: Callable[[dict[str, Any]], Lane | None],
        refuse: Callable[[dict[str, Any], Any], Awaitable[None]],
    ) -> None:
        """`refuse` answers a request that found no place in time; None needs no lane."""
        self._application = application
        self._lane_of = lane_of
        self._refuse = refuse

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        lane = self._lane_of(scope)
        if lane is None:
            await self._application(scope, receive, send)
        else:
            await self._serve(lane, scope, receive, send)

    async def _serve(self, lane: Lane, scope: dict[str, Any], receive: Any, send: Any) -> None:
        turn = Turn(lane)

        async def answer(message: dict[str, Any]) -> None:
            turn.answered = True
            await send(message)

        try:
            async with ThreadSensitiveContext(executor=turn):
                await self._application(scope, receive, answer)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not turn.refused or (task is not None and task.cancelling()):
                raise
        finally:
            turn.close()
        if turn.refused and not turn.answered:
            await self._refuse(scope, send)
