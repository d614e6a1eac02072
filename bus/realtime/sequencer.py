"""Puts a room's events in the order of seq: each once, and none before the one that it follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

# A seq, None where an event takes none, and its frame.
Events = Sequence[tuple[int | None, bytes]]

# More events than this do not wait for one that is missing.
_AHEAD_LIMIT = 1000


class SequencedEvent(NamedTuple):
    """One event: its frame for sessions, and its frame for plain chat, where it has them."""

    seq: int | None
    frame: bytes | None
    plain_chat: bytes | None


class Sequencer:
    """The events of one room on their way to its listeners."""

    def __init__(self) -> None:
        # The seq that all listeners have; None where it is not known, before the first.
        self.head: int | None = None
        self.repeats = 0
        # What came before something that it follows.
        self._ahead: dict[int, SequencedEvent] = {}

    @property
    def has_gap(self) -> bool:
        """Whether something is missing that others wait for."""
        return bool(self._ahead)

    @property
    def overfull(self) -> bool:
        """Whether too much waits for what is missing."""
        return len(self._ahead) > _AHEAD_LIMIT

    def sequence(self, events: Events, plain_chat: Events) -> list[SequencedEvent]:
        """What can be delivered now, in order; events that were delivered before are dropped."""
        if len(events) == 1 and not self._ahead:
            # Nearly always: one event, and it is the next.
            seq, frame = events[0]
            if seq is not None and (self.head is None or seq == self.head + 1):
                if not plain_chat:
                    self.head = seq
                    return [SequencedEvent(seq, frame, None)]
                if len(plain_chat) == 1 and plain_chat[0][0] == seq:
                    self.head = seq
                    return [SequencedEvent(seq, frame, plain_chat[0][1])]
        ready: list[SequencedEvent] = []
        for item in _merged(events, plain_chat):
            if item.seq is None:
                ready.append(item)
            elif self.head is None or item.seq == self.head + 1:
                self.head = item.seq
                ready.append(item)
                if self._ahead:
                    ready += self._follow()
            elif item.seq <= self.head or item.seq in self._ahead:
                self.repeats += 1
            else:
                self._ahead[item.seq] = item
        return ready

    def advance_to(self, head: int) -> list[SequencedEvent]:
        """The listeners have all up to `head` by another way; returns what follows it now."""
        self.head = max(head, self.head or 0)
        self.discard_up_to(self.head)
        return self._follow()

    def discard_up_to(self, newest: int) -> None:
        """Drop what waits up to this seq: it comes by another way."""
        for seq in [seq for seq in self._ahead if seq <= newest]:
            del self._ahead[seq]

    def skip_gap(self) -> list[SequencedEvent]:
        """What waits, in order, without what is missing: nobody has it."""
        ready: list[SequencedEvent] = []
        while self._ahead:
            self.head = min(self._ahead) - 1
            ready += self._follow()
        return ready

    def _follow(self) -> list[SequencedEvent]:
        ready: list[SequencedEvent] = []
        while self.head is not None and (item := self._ahead.pop(self.head + 1, None)) is not None:
            self.head += 1
            ready.append(item)
        return ready


def _merged(events: Events, plain_chat: Events) -> Iterable[SequencedEvent]:
    """Both forms of each event, oldest first; those without a seq stay at their place."""
    plain_chat_by_seq = {seq: frame for seq, frame in plain_chat if seq is not None}
    items = [
        SequencedEvent(seq, frame, None if seq is None else plain_chat_by_seq.pop(seq, None))
        for seq, frame in events
    ]
    items += [
        SequencedEvent(seq, None, frame)
        for seq, frame in plain_chat
        if seq is None or seq in plain_chat_by_seq
    ]
    last = 0
    for item in items:
        if item.seq is not None:
            if item.seq < last:
                # Hardly ever: a publisher sends a room's events in order.
                return sorted(items, key=lambda one: one.seq or 0)
            last = item.seq
    return items
