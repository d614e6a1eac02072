"""Questions to the database that share one query: who asks during one shares the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from itertools import islice
from typing import Generic, TypeVar

from bus.database import threads
from bus.protocol.errors import Unavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# Keys of one reading: few enough for one statement of any database.
_MOST = 500


class BatchLoader(Generic[K, V]):
    """One reading at a time, each for all who asked since the last one began."""

    def __init__(self, read: Callable[[Collection[K]], Mapping[K, V]], most: int = _MOST) -> None:
        """`read` is blocking, and answers for each of up to so many keys that it is given."""
        self._read = read
        self._most = most
        self._asked: dict[K, asyncio.Future[V]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def load(self, key: K) -> V:
        """The answer, as new as this call; raises Unavailable, and what `read` raises."""
        future = self._asked.get(key)
        if future is None:
            future = self._asked[key] = asyncio.get_running_loop().create_future()
            if self._reader is None or self._reader.done():
                self._reader = asyncio.get_running_loop().create_task(self._run())
        # Others may wait for the same answer.
        return await asyncio.shield(future)

    def close(self) -> None:
        """Read no more; who waits is told that there will be no answer."""
        if self._reader is not None:
            self._reader.cancel()
        asked, self._asked = self._asked, {}
        _refuse(asked.values(), Unavailable())

    async def _run(self) -> None:
        while self._asked:
            keys = list(islice(self._asked, self._most))
            await self._answer({key: self._asked.pop(key) for key in keys})

    async def _answer(self, asked: dict[K, asyncio.Future[V]]) -> None:
        try:
            found = await threads.run(self._read, list(asked))
        except Exception as error:
            if len(asked) > 1 and not isinstance(error, Unavailable):
                # One of them is at fault, and the others are answered.
                for key, future in asked.items():
                    await self._answer({key: future})
                return
            _refuse(asked.values(), error)
            return
        except asyncio.CancelledError:
            _refuse(asked.values(), Unavailable())
            raise
        for key, future in asked.items():
            if not future.done():
                future.set_result(found[key])


def _refuse(futures: Iterable[asyncio.Future[V]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            # Who asked may be gone.
            future.exception()
