"""What one listener is to hear of a room, and from which seq on."""

from __future__ import annotations

from typing import Protocol

from pydantic_core import from_json

from bus.conf import conf
from bus.realtime.prepared_frames import PreparedFrames
from bus.realtime.sequencer import Events

# Above every seq.
_NEVER = 2**63


class Listener(Protocol):
    """Takes frames without waiting: the writer of a socket."""

    def push(self, prepared: PreparedFrames) -> None:
        """Take frames to write."""

    def fail(self) -> None:
        """Give up: it is too far behind."""


class RoomSubscription:
    """One listener's subscription to a room; it holds events back until it is released."""

    __slots__ = ("_held", "_held_size", "floor", "listener", "open_above", "room", "sender_mark")

    def __init__(self, room: int, listener: Listener, sender_mark: str | None) -> None:
        self.room = room
        self.listener = listener
        # channel_names.own_mark of what a plain-chat socket writes; None for a session.
        self.sender_mark = sender_mark
        # What the listener has already: events up to this seq are not for it.
        self.floor = 0
        # Events above this seq are passed on as they come: `floor`, or none while they are held.
        self.open_above = _NEVER
        self._held: list[tuple[int | None, bytes]] | None = []
        self._held_size = 0

    def hold(self) -> None:
        """Hold events back from now on."""
        if self._held is None:
            self._held = []
            self._held_size = 0
            self.open_above = _NEVER

    def held_removals(self) -> set[str]:
        """The ids of messages whose removal is held back."""
        frames = [frame for _, frame in self._held or () if b'"message.removed"' in frame]
        events = [from_json(frame) for frame in frames]
        return {event["data"]["id"] for event in events if event["type"] == "message.removed"}

    def release(self, head: int | None = None) -> None:
        """Let events through: those newer than `head`, which the listener has from history."""
        held, self._held = self._held or [], None
        if head is not None:
            self.floor = max(head, self.floor)
        self.open_above = self.floor
        self.deliver(held)

    def deliver(self, events: Events) -> None:
        """Pass events on, or hold them back."""
        if self._held is not None:
            self._held += events
            self._held_size += sum(len(frame) for _, frame in events)
            if self._held_size > conf.outbox_limit:
                self._held.clear()
                self.listener.fail()
            return
        frames = [frame for seq, frame in events if seq is None or seq > self.floor]
        if frames:
            self.listener.push(PreparedFrames(frames))
