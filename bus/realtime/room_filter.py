"""A listener for whom only some rooms are."""

from __future__ import annotations

from collections.abc import Set

from pydantic_core import from_json

from bus.realtime.prepared_frames import Bundle
from bus.realtime.room_subscription import Listener


class Within:
    """Passes on what concerns these rooms, and what concerns no room at all."""

    def __init__(self, listener: Listener, rooms: Set[str]) -> None:
        self._listener = listener
        self._rooms = rooms

    def push(self, bundle: Bundle) -> None:
        """Take frames."""
        frames = [frame for frame in bundle.frames if self._fits(frame)]
        if len(frames) == len(bundle.frames):
            self._listener.push(bundle)
        elif frames:
            self._listener.push(Bundle(frames))

    def fail(self) -> None:
        """Give up: it is too far behind."""
        self._listener.fail()

    def _fits(self, frame: bytes) -> bool:
        room = from_json(frame).get("room")
        return room is None or room in self._rooms
