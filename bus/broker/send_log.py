"""What a sender was told lately that the broker has: sent again where the broker lost it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

# For so long the broker knows the number of a sender's last send, in seconds; the sender asks it
# to check for much less, so that a clock that is set ahead there makes nothing look lost.
_NUMBER_FOR = 2 * 86_400.0
_CHECKED_FOR = 30.0

# Runs the script of one send, with the send's number and the number to be checked by the names that
# send.lua has for them.
Append = Callable[[Mapping[str, int]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class _Kept:
    number: int
    at: float
    size: int
    append: Append


class SendLog:
    """The sends of one event loop to one channel, each with a number.

    Each says up to which number its sender was told that the broker has it. A broker that knows
    less has lost its newest (killed before it wrote them, or a replica took over) and refuses: then
    what it lacks is sent again before anything else. Only for messages that do no harm twice.
    """

    # A broker writes its append-only file up to 2 s late while its disk is slow, and syncs it every
    # second; a replica is behind by less. What is older is not lost, in seconds.
    kept_for = 5.0
    # The sends kept are bounded, in bytes; of more, the oldest are forgotten.
    kept_size = 4 * 1024 * 1024

    def __init__(self) -> None:
        # Who sends, by the names that send.lua has for it.
        self.about = {"sender": uuid.uuid4().hex, "number_for": int(_NUMBER_FOR * 1000)}
        self._number = 0
        self._confirmed = 0
        self._confirmed_at = 0.0
        self._kept: deque[_Kept] = deque()
        self._size = 0
        self._mending = asyncio.Lock()
        # How often something was sent again.
        self._mended = 0

    async def send(self, size: int, append: Append) -> Any:
        """Run the script of a send, of `size` bytes; raises what it raises."""
        while True:
            self._number += 1
            number, mended = self._number, self._mended
            fresh = time.monotonic() - self._confirmed_at < _CHECKED_FOR
            try:
                answer = await append(_numbered(number, self._confirmed if fresh else 0))
            except ResponseError as error:
                if not str(error).startswith("BUSLOST"):
                    raise
                async with self._mending:
                    if self._mended == mended:
                        await self._mend(int(str(error).split()[1]))
                continue
            self._keep(_Kept(number, time.monotonic(), size, append))
            return answer

    async def _mend(self, known: int) -> None:
        """Send again what came after the number that the broker knows."""
        lost = [kept for kept in self._kept if kept.number > known]
        for kept in sorted(lost, key=lambda kept: kept.number):
            await kept.append(_numbered(kept.number, known))
            known = kept.number
        self._confirmed = known
        self._mended += 1

    def _keep(self, kept: _Kept) -> None:
        if kept.number > self._confirmed:
            self._confirmed, self._confirmed_at = kept.number, kept.at
        self._kept.append(kept)
        self._size += kept.size
        while self._kept and (
            self._kept[0].at < kept.at - self.kept_for or self._size > self.kept_size
        ):
            self._size -= self._kept.popleft().size


def _numbered(number: int, confirmed: int) -> dict[str, int]:
    return {"number": number, "confirmed": confirmed}
