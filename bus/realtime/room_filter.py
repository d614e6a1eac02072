"""Restricts a listener to some rooms: what a token does that is not for all of them."""

from __future__ import annotations

from collections.abc import Set

from pydantic_core import from_json

from bus.realtime.prepared_frames import PreparedFrames
from bus.realtime.room_subscription import Listener


class RoomFilter:
    """Passes on to a listener what concerns these rooms, and what concerns no room at all."""

    def __init__(self, listener: Listener, rooms: Set[str]) -> None:
        self._listener = listener
        self._rooms = rooms

    def push(self, prepared: PreparedFrames) -> None:
        """Take frames."""
        frames = [frame for frame in prepared.frames if self._passes(frame)]
        if len(frames) == len(prepared.frames):
            self._listener.push(prepared)
        elif frames:
            self._listener.push(PreparedFrames(frames))

    def fail(self) -> None:
        """Give up: it is too far behind."""
        self._listener.fail()

    def _passes(self, frame: bytes) -> bool:
        room = from_json(frame).get("room")
        return room is None or room in self._rooms
