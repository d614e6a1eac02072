"""What a web process keeps of everybody who is connected to it, in one object."""

from __future__ import annotations

import asyncio
import inspect
import logging
import weakref
from collections.abc import Awaitable, Callable

from bus.chat import history
from bus.consumers import changes
from bus.consumers.access_watcher import AccessWatcher
from bus.consumers.admission import Admission
from bus.consumers.connections import Connections
from bus.consumers.guest_sightings import GuestSightings
from bus.consumers.message_sender import Outcomes
from bus.consumers.read_marks import ReadMarks
from bus.consumers.visitor_limits import VisitorLimits
from bus.enforcement.external_classifier import ExternalClassifier
from bus.messaging import default_layer
from bus.realtime.hub import Hub

logger = logging.getLogger(__name__)

# How long the end of a process may wait for the broker, in seconds, and what is kept of it for
# each part, whatever those before it take: whoever started the process kills it soon after.
_CLOSE_TIMEOUT = 5.0
_PART_TIMEOUT = 0.5


class WebProcess:
    """The live state of one event loop: a process has one, but for tests."""

    def __init__(self) -> None:
        self.connections = Connections()
        self.hub = Hub()
        self.admission = Admission()
        self.access_watcher = AccessWatcher(self.hub, self.admission)
        self.visitor_limits = VisitorLimits()
        self.outcomes = Outcomes(history.outcomes_of)
        self.read_marks = ReadMarks()
        self.guest_sightings = GuestSightings()
        self.external_classifier = ExternalClassifier()

    async def close(self, *, seconds: float = _CLOSE_TIMEOUT, each: float = _PART_TIMEOUT) -> None:
        """Publish and write what is left, leave the rooms, and close what was opened."""
        parts: dict[str, Callable[[], Awaitable[None] | None]] = {
            "watch of rights": self.access_watcher.close,
            "admission": self.admission.close,
            "outcomes": self.outcomes.close,
            "changes under way": changes.finish,
            "read marks": self.read_marks.close,
            "sightings of guests": self.guest_sightings.close,
            "hub": self.hub.close,
            # The last, as the others use it.
            "connections to the broker": default_layer.close,
        }
        end = asyncio.get_running_loop().time() + seconds
        for after, (name, close) in zip(reversed(range(len(parts))), parts.items(), strict=True):
            await _close_part(name, close, end - after * each)
        if not self.connections.draining:
            # One that drains stays, so that whoever still comes is turned away.
            _by_loop.pop(asyncio.get_running_loop(), None)


async def _close_part(name: str, close: Callable[[], Awaitable[None] | None], end: float) -> None:
    """Close one part until then; one that fails or hangs keeps no other from being closed."""
    try:
        async with asyncio.timeout_at(end):
            closing = close()
            if inspect.isawaitable(closing):
                await closing
    except Exception as error:
        # What is left in the broker expires.
        logger.warning("A web process ends without having closed its %s: %r", name, error)


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, WebProcess] = (
    weakref.WeakKeyDictionary()
)


def current() -> WebProcess:
    """That of the running event loop; made by the first who asks, as not all servers tell of
    their start."""
    loop = asyncio.get_running_loop()
    found = _by_loop.get(loop)
    if found is None:
        found = _by_loop[loop] = WebProcess()
    return found
