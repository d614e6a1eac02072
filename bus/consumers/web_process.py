"""What a web process keeps of everybody who is connected to it, in one object."""

from __future__ import annotations

import asyncio
import logging
import weakref

from bus.chat import history
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

# How long the end of a process may wait for the broker, in seconds.
_CLOSE_TIMEOUT = 5.0


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

    async def close(self) -> None:
        """Write what was gathered, leave the rooms, and close what was opened to the broker."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self.access_watcher.close()
                self.outcomes.close()
                await self.read_marks.close()
                await self.guest_sightings.close()
                await self.hub.close()
                await default_layer.close()
        except Exception as error:
            # What is left in the broker expires.
            logger.warning("The connections to the broker were not closed in time: %r", error)
        if not self.connections.draining:
            # One that drains stays, so that whoever still comes is turned away.
            _by_loop.pop(asyncio.get_running_loop(), None)


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
