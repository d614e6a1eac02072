"""A group that somebody here listens to, and how what is said in it reaches them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bus.realtime.prepared_frames import Bundle
from bus.realtime.recent_messages import Recent
from bus.realtime.room_subscription import Listener, Seat
from bus.realtime.sequencer import Events, Item, Order

logger = logging.getLogger(__name__)

# More group messages than this do not wait for the end of a repair.
_PAUSED_LIMIT = 10_000
# Above every seq.
_NEVER = 2**63

# names.own_mark of a message, and a frame for the plain socket that it is from.
Own = Sequence[tuple[str, bytes]]


@dataclass(slots=True)
class Counts:
    """What the hub noticed: holes in a room's seq, events told twice, messages it did not know."""

    # Events that nobody had, not even the database.
    holes: int = 0
    # Events read from the database, since they did not come or came too late.
    repaired: int = 0
    repeats: int = 0
    unknown: int = 0


class Topic:
    """A group that this process listens to while somebody here does."""

    def __init__(self, group: str, counts: Counts, has_news: Callable[[Topic], None]) -> None:
        """`has_news` is told that `flush` is to be called."""
        self.group = group
        self.counts = counts
        self.has_news = has_news
        # Held while the subscription is made or ended, so that the two never cross.
        self.lock = asyncio.Lock()
        self.listening = False

    @property
    def wanted(self) -> bool:
        """Whether somebody listens."""
        raise NotImplementedError

    def deliver(self, events: Events, plain: Events, own: Own) -> None:
        """Take one group message, for everyone who listens."""
        raise NotImplementedError

    def flush(self) -> None:
        """Hand over what was delivered."""
        raise NotImplementedError


class RoomTopic(Topic):
    """A room: its events reach each listener once, in the order of seq."""

    def __init__(
        self, group: str, room: int, counts: Counts, has_news: Callable[[Topic], None]
    ) -> None:
        super().__init__(group, counts, has_news)
        self.room = room
        self.order = Order()
        self.recent = Recent()
        # When somebody asked for it last, and who reads it now.
        self.recent_asked = 0.0
        self.recent_task: asyncio.Task[None] | None = None
        self.seats: set[Seat] = set()
        # Whether somebody reads from the database what is missing.
        self.mending = False
        # The seats of plain sockets by their mark.
        self._marked: dict[str, Seat] = {}
        # Told, but not yet handed over.
        self._ready: list[Item] = []
        # Group messages that wait for the end of a repair.
        self._paused: list[tuple[Events, Events]] | None = None

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

    def pause(self) -> None:
        """Hold all group messages back, until `resume`: something is missing, or may be."""
        if self._paused is None:
            self._paused = []
        # Who joins meanwhile is told what the database says, which is read once for all of them.
        self.recent.drop()

    def resume(self) -> None:
        """Deliver what was held back, and go on."""
        paused, self._paused = self._paused or [], None
        for events, plain in paused:
            self.deliver(events, plain, ())

    def begin(self, head: int | None) -> None:
        """This is the newest seq of the room, and all follows from here."""
        self.order = Order()
        self.order.head = head
        self.recent.drop()

    def deliver(self, events: Events, plain: Events, own: Own) -> None:
        """Hand events to sessions, their plain form to plain chat, and `own` to who sent that."""
        for mark, frame in own:
            marked = self._marked.get(mark)
            if marked is not None:
                marked.take([(None, frame)])
        if self._paused is None:
            self._gather(events, plain)
        elif len(self._paused) < _PAUSED_LIMIT:
            self._paused.append((events, plain))
        else:
            self._paused.clear()
            self.fail()

    def mend(self, events: Events, plain: Events) -> None:
        """Deliver what was read from the database: all that the room was told since `head`."""
        before = self.order.head or 0
        newest = max((seq for seq, _ in events if seq is not None), default=before)
        # What waited may have a text that was taken back since.
        self.order.forget(newest)
        self._gather(events, plain)
        self._add(self.order.reach(newest))
        self.counts.repaired += max(0, newest - before)

    def skip(self) -> None:
        """Deliver what waits for something that nobody has."""
        if self.order.broken:
            self.counts.holes += 1
            self._add(self.order.skip())

    def fail(self) -> None:
        """Send every listener away, to come back and recover."""
        for seat in tuple(self.seats):
            seat.listener.fail()

    def flush(self) -> None:
        """Hand over what was delivered: one bundle for all sessions, and one for plain chat."""
        items, self._ready = self._ready, []
        live = [(item.seq, item.frame) for item in items if item.frame is not None]
        plain = [(item.seq, item.plain) for item in items if item.plain is not None]
        oldest = next((item.seq for item in items if item.seq is not None), _NEVER)
        bundles = [Bundle([frame for _, frame in live]), Bundle([frame for _, frame in plain])]
        for seat in tuple(self.seats):
            is_plain = seat.mark is not None
            try:
                if seat.holding or seat.floor >= oldest:
                    seat.take(plain if is_plain else live)
                elif (bundle := bundles[is_plain]).frames:
                    seat.listener.push(bundle)
            except Exception:
                logger.exception("A listener of %s failed; the others go on.", self.group)

    def _gather(self, events: Events, plain: Events) -> None:
        before = self.order.repeats
        self._add(self.order.sort(events, plain))
        self.counts.repeats += self.order.repeats - before

    def _add(self, items: list[Item]) -> None:
        self._ready += items
        if self.recent.loaded or self.recent_task is not None:
            for item in items:
                if item.seq is not None:
                    self.recent.hear(item.seq, item.frame or b"{}")
        if self._ready or self.order.broken:
            self.has_news(self)


class AuthorTopic(Topic):
    """An author, whose sessions hear what concerns them alone."""

    def __init__(self, group: str, counts: Counts, has_news: Callable[[Topic], None]) -> None:
        super().__init__(group, counts, has_news)
        self.sessions: set[Listener] = set()
        self._ready: list[bytes] = []

    @property
    def wanted(self) -> bool:
        """Whether somebody listens."""
        return bool(self.sessions)

    def deliver(self, events: Events, plain: Events, own: Own) -> None:
        """Hand events to all sessions."""
        self._ready += [frame for _, frame in events]
        self.has_news(self)

    def flush(self) -> None:
        """Hand over what was delivered."""
        frames, self._ready = self._ready, []
        if frames:
            bundle = Bundle(frames)
            for listener in tuple(self.sessions):
                listener.push(bundle)
