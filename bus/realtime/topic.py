"""A group that somebody here listens to, and the places of its listeners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bus.conf import conf

logger = logging.getLogger(__name__)

# A hole larger than this is not remembered number by number.
_HOLE_LIMIT = 1000
# Above every seq.
_NEVER = 2**63

# A seq, None where an event takes none, and its frame.
Events = Sequence[tuple[int | None, bytes]]
# A client_id, and a frame for the plain socket that made it.
Own = Sequence[tuple[str, bytes]]


class Listener(Protocol):
    """Takes frames without waiting: the outbox of a socket."""

    def push(self, frames: list[bytes]) -> None:
        """Take frames."""

    def fail(self) -> None:
        """Give up: it is too far behind."""


@dataclass(slots=True)
class Counts:
    """What the hub noticed: holes in a room's seq, events told twice, messages it did not know."""

    holes: int = 0
    # Events read from the database after an outage of the broker.
    repaired: int = 0
    repeats: int = 0
    unknown: int = 0


class Seat:
    """One listener's place in a room; it holds events back until it is released."""

    __slots__ = ("_held", "_held_size", "floor", "listener", "mark", "topic")

    def __init__(self, topic: RoomTopic, listener: Listener, mark: str | None) -> None:
        self.topic = topic
        self.listener = listener
        # What a plain socket's client_ids begin with, up to a "-"; None for a session.
        self.mark = mark
        # What the listener has already: events up to this seq are not for it.
        self.floor = 0
        self._held: list[tuple[int | None, bytes]] | None = []
        self._held_size = 0

    @property
    def holding(self) -> bool:
        """Whether events wait for the release."""
        return self._held is not None

    def hold(self) -> None:
        """Hold events back from now on."""
        if self._held is None:
            self._held = []
            self._held_size = 0

    def release(self, head: int | None = None) -> None:
        """Let events through: those newer than `head`, which the listener has from history."""
        held, self._held = self._held or [], None
        if head is not None:
            self.floor = head
        self.take(held)

    def take(self, events: Events) -> None:
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
            self.listener.push(frames)


class Topic:
    """A group that this process listens to while somebody here does."""

    def __init__(self, group: str) -> None:
        self.group = group
        # Held while the subscription is made or ended, so that the two never cross.
        self.lock = asyncio.Lock()
        self.listening = False

    @property
    def wanted(self) -> bool:
        """Whether somebody listens."""
        raise NotImplementedError

    def begin(self) -> None:
        """The subscription is new: what was heard before says nothing about what was missed."""

    def deliver(self, events: Events, plain: Events, own: Own, counts: Counts) -> None:
        """Hand one group message to everyone who listens."""
        raise NotImplementedError


class RoomTopic(Topic):
    """A room: its events reach each listener once, in the order of seq."""

    def __init__(self, group: str) -> None:
        super().__init__(group)
        self.seats: set[Seat] = set()
        # The seats of plain sockets by their mark.
        self._marked: dict[str, Seat] = {}
        self.room = 0
        # The newest seq delivered; 0 before the first.
        self.head = 0
        # Group messages that wait for the end of a repair.
        self._paused: list[tuple[Events, Events, Own]] | None = None
        self._missing: set[int] = set()

    @property
    def wanted(self) -> bool:
        """Whether somebody listens."""
        return bool(self.seats)

    def add(self, seat: Seat) -> None:
        """Give a listener a place."""
        self.seats.add(seat)
        if seat.mark is not None:
            self._marked[seat.mark] = seat

    def remove(self, seat: Seat) -> None:
        """Take a listener's place; does nothing when it has none."""
        self.seats.discard(seat)
        if seat.mark is not None:
            self._marked.pop(seat.mark, None)

    @property
    def position(self) -> int | None:
        """The seq that every listener has; None where that is not known."""
        if any(seat.holding for seat in self.seats):
            return None
        return self.head or min((seat.floor for seat in self.seats), default=0)

    def pause(self) -> None:
        """Hold all group messages back, until `resume`."""
        if self._paused is None:
            self._paused = []

    def resume(self, counts: Counts) -> None:
        """Deliver what was held back, and go on."""
        paused, self._paused = self._paused or [], None
        for events, plain, own in paused:
            self.deliver(events, plain, own, counts)

    def deliver_missed(self, events: Events, plain: Events, counts: Counts) -> None:
        """Deliver what a repair has read, before all that is held back."""
        self._deliver(events, plain, (), counts)

    def fail(self) -> None:
        """Send every listener away, to come back and recover."""
        for seat in tuple(self.seats):
            seat.listener.fail()

    def begin(self) -> None:
        """Forget what was delivered before."""
        self.head = 0
        self._missing.clear()

    def deliver(self, events: Events, plain: Events, own: Own, counts: Counts) -> None:
        """Hand events to sessions, their plain form to plain chat, and `own` to who sent that.

        What fills a hole late goes to plain chat alone: sessions repair a hole when they see it.
        """
        if self._paused is None:
            self._deliver(events, plain, own, counts)
        else:
            self._paused.append((events, plain, own))

    def _deliver(self, events: Events, plain: Events, own: Own, counts: Counts) -> None:
        for client_id, frame in own:
            marked = self._marked.get(client_id.partition("-")[0])
            if marked is not None:
                marked.take([(None, frame)])
        fresh, late = self._sort({*_seqs(events), *_seqs(plain)}, counts)
        live = [event for event in events if event[0] is None or event[0] in fresh]
        live_plain = [e for e in plain if e[0] is None or e[0] in fresh or e[0] in late]
        frames = [frame for _, frame in live]
        oldest = min(fresh, default=_NEVER)
        for seat in tuple(self.seats):
            try:
                if seat.mark is not None:
                    seat.take(live_plain)
                elif seat.holding or seat.floor >= oldest:
                    seat.take(live)
                elif frames:
                    # The usual case: one list for everybody.
                    seat.listener.push(frames)
            except Exception:
                logger.exception("A listener of %s failed; the others go on.", self.group)

    def _sort(self, seqs: set[int], counts: Counts) -> tuple[set[int], set[int]]:
        """Which of these are new, and which fill a hole; the rest was delivered before."""
        fresh: set[int] = set()
        late: set[int] = set()
        for seq in sorted(seqs):
            if seq > self.head:
                if self.head and seq > self.head + 1:
                    counts.holes += 1
                    if seq - self.head + len(self._missing) > _HOLE_LIMIT:
                        self._missing.clear()
                    else:
                        self._missing.update(range(self.head + 1, seq))
                self.head = seq
                fresh.add(seq)
            elif seq in self._missing:
                self._missing.discard(seq)
                late.add(seq)
            else:
                counts.repeats += 1
        return fresh, late


class AuthorTopic(Topic):
    """An author, whose sessions hear what concerns them alone."""

    def __init__(self, group: str) -> None:
        super().__init__(group)
        self.sessions: set[Listener] = set()

    @property
    def wanted(self) -> bool:
        """Whether somebody listens."""
        return bool(self.sessions)

    def deliver(self, events: Events, plain: Events, own: Own, counts: Counts) -> None:
        """Hand events to all sessions."""
        frames = [frame for _, frame in events]
        for listener in tuple(self.sessions):
            listener.push(frames)


def _seqs(events: Iterable[tuple[Any, bytes]]) -> Iterable[int]:
    return (seq for seq, _ in events if isinstance(seq, int))
