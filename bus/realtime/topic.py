"""A group that somebody here listens to, and how what is published there reaches them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bus.realtime.prepared_frames import PreparedFrames
from bus.realtime.recent_messages import RecentMessages
from bus.realtime.room_subscription import Listener, RoomSubscription
from bus.realtime.sequencer import Events, SequencedEvent, Sequencer

logger = logging.getLogger(__name__)

# More group messages than this do not wait for the end of a repair.
_PAUSED_LIMIT = 10_000

# Above every seq that a room has: of events that have none.
_ANY = 2**62

# The mark of a sender (channel_names.sender_mark), and a frame for that plain-chat socket.
SenderFrames = Sequence[tuple[str, bytes]]


@dataclass(slots=True)
class Counts:
    """What the hub noticed: gaps in a room's seq, events that came twice, unknown messages."""

    # Events that nobody had, not even the database.
    gaps: int = 0
    # Events read from the database, since they did not come or came too late.
    repaired: int = 0
    repeats: int = 0
    unknown: int = 0
    # Group messages that could not be delivered.
    broken: int = 0


class Topic:
    """A group that this process listens to while somebody here does."""

    def __init__(self, group: str, counts: Counts, needs_flush: Callable[[Topic], None]) -> None:
        """`needs_flush` is called when `flush` is to be called soon."""
        self.group = group
        self.counts = counts
        self.needs_flush = needs_flush
        # Held while the subscription is made or ended, so that the two never cross.
        self.lock = asyncio.Lock()
        self.listening = False

    @property
    def wanted(self) -> bool:
        """Whether somebody listens."""
        raise NotImplementedError

    def flush(self) -> None:
        """Hand over what was delivered."""
        raise NotImplementedError


class RoomTopic(Topic):
    """A room: its events reach each listener once, in the order of seq."""

    def __init__(
        self, group: str, room: int, counts: Counts, needs_flush: Callable[[Topic], None]
    ) -> None:
        super().__init__(group, counts, needs_flush)
        self.room = room
        self.sequencer = Sequencer()
        self.recent = RecentMessages()
        # When somebody asked for it last, and who reads it now.
        self.recent_asked = 0.0
        self.recent_task: asyncio.Task[None] | None = None
        self.subscriptions: set[RoomSubscription] = set()
        # Whether somebody reads from the database what is missing.
        self.repairing = False
        # The subscriptions of plain-chat sockets by their sender mark.
        self._by_mark: dict[str, RoomSubscription] = {}
        # In order, but not yet flushed.
        self._ready: list[SequencedEvent] = []
        # Group messages that wait for the end of a repair.
        self._paused: list[tuple[Events, Events]] | None = None

    @property
    def wanted(self) -> bool:
        """Whether somebody listens."""
        return bool(self.subscriptions)

    def add(self, subscription: RoomSubscription) -> None:
        """Add a listener's subscription."""
        self.subscriptions.add(subscription)
        if subscription.sender_mark is not None:
            self._by_mark[subscription.sender_mark] = subscription

    def remove(self, subscription: RoomSubscription) -> None:
        """Remove a subscription; does nothing when it is not there."""
        self.subscriptions.discard(subscription)
        if subscription.sender_mark is not None:
            self._by_mark.pop(subscription.sender_mark, None)

    def pause(self) -> None:
        """Hold all group messages back, until `resume`: something is missing, or may be."""
        if self._paused is None:
            self._paused = []
        # Who joins meanwhile gets what the database has, which is read once for all of them.
        self.recent.drop()

    def resume(self) -> None:
        """Deliver what was held back, and go on."""
        paused, self._paused = self._paused or [], None
        for events, plain_chat in paused:
            self.deliver(events, plain_chat, ())

    def start_from(self, head: int | None) -> None:
        """This is the newest seq of the room, and all follows from here."""
        self.sequencer = Sequencer()
        self.sequencer.head = head
        self.recent.drop()

    def deliver(self, events: Events, plain_chat: Events, for_senders: SenderFrames) -> None:
        """Take events for sessions, their form for plain chat, and frames for single senders."""
        for mark, frame in for_senders:
            sender = self._by_mark.get(mark)
            if sender is not None:
                sender.deliver([(None, frame)])
        if self._paused is None:
            self._gather(events, plain_chat)
        elif len(self._paused) < _PAUSED_LIMIT:
            self._paused.append((events, plain_chat))
        else:
            self._paused.clear()
            self.fail()

    def repair(self, events: Events, plain_chat: Events) -> None:
        """Deliver what was read from the database: all of the room's events since `head`."""
        before = self.sequencer.head or 0
        newest = max((seq for seq, _ in events if seq is not None), default=before)
        # What waited may have a text that was taken back since.
        self.sequencer.discard_up_to(newest)
        self._gather(events, plain_chat)
        self._add(self.sequencer.advance_to(newest))
        self.counts.repaired += max(0, newest - before)

    def skip_gap(self) -> None:
        """Deliver what waits for something that nobody has."""
        if self.sequencer.has_gap:
            self.counts.gaps += 1
            self._add(self.sequencer.skip_gap())

    def fail(self) -> None:
        """Send every listener away, to come back and recover."""
        for subscription in tuple(self.subscriptions):
            subscription.listener.fail()

    def flush(self) -> None:
        """Hand over what was delivered: prepared once for all sessions, and once for plain chat."""
        items, self._ready = self._ready, []
        oldest = next((item.seq for item in items if item.seq is not None), _ANY)
        prepared = PreparedFrames([item.frame for item in items if item.frame is not None])
        plain_chat = self._plain_chat_frames(items)
        for subscription in tuple(self.subscriptions):
            try:
                if subscription.open_above >= oldest:
                    subscription.deliver(_events_for(subscription, items))
                elif subscription.sender_mark is None:
                    if prepared.frames:
                        subscription.listener.push(prepared)
                elif plain_chat is not None:
                    subscription.listener.push(plain_chat)
            except Exception:
                logger.exception("A listener of %s failed; the others go on.", self.group)

    def _plain_chat_frames(self, items: list[SequencedEvent]) -> PreparedFrames | None:
        if not self._by_mark:
            return None
        frames = [item.plain_chat for item in items if item.plain_chat is not None]
        return PreparedFrames(frames) if frames else None

    def _gather(self, events: Events, plain_chat: Events) -> None:
        before = self.sequencer.repeats
        self._add(self.sequencer.sequence(events, plain_chat))
        self.counts.repeats += self.sequencer.repeats - before

    def _add(self, items: list[SequencedEvent]) -> None:
        self._ready += items
        if self.recent.loaded or self.recent_task is not None:
            for item in items:
                if item.seq is not None:
                    self.recent.add_event(item.seq, item.frame or b"{}")
        if self._ready or self.sequencer.has_gap:
            self.needs_flush(self)


def _events_for(
    subscription: RoomSubscription, items: list[SequencedEvent]
) -> list[tuple[int | None, bytes]]:
    """What one that is held back, or has some of it already, is to hear."""
    if subscription.sender_mark is None:
        return [(item.seq, item.frame) for item in items if item.frame is not None]
    return [(item.seq, item.plain_chat) for item in items if item.plain_chat is not None]


class AuthorsTopic(Topic):
    """Authors who share a group; the sessions of each hear what concerns that one alone."""

    def __init__(self, group: str, counts: Counts, needs_flush: Callable[[Topic], None]) -> None:
        super().__init__(group, counts, needs_flush)
        # By author key: the one session that nearly everybody has, or several.
        self._sessions: dict[str, Listener | set[Listener]] = {}
        self._ready: dict[str, list[bytes]] = {}

    @property
    def wanted(self) -> bool:
        """Whether somebody listens."""
        return bool(self._sessions)

    def add(self, key: str, listener: Listener) -> None:
        """Let a session hear what concerns an author."""
        found = self._sessions.get(key)
        if found is None:
            self._sessions[key] = listener
        elif isinstance(found, set):
            found.add(listener)
        elif found is not listener:
            self._sessions[key] = {found, listener}

    def remove(self, key: str, listener: Listener) -> None:
        """Let a session hear no more of an author; does nothing when it does not."""
        found = self._sessions.get(key)
        if isinstance(found, set):
            found.discard(listener)
            if not found:
                del self._sessions[key]
        elif found is listener:
            del self._sessions[key]

    def deliver(self, authors: Mapping[str, Sequence[bytes]]) -> None:
        """Take the frames of those authors who have a session here."""
        for key, frames in authors.items():
            if key in self._sessions:
                self._ready.setdefault(key, []).extend(frames)
        if self._ready:
            self.needs_flush(self)

    def flush(self) -> None:
        """Hand over what was delivered."""
        ready, self._ready = self._ready, {}
        for key, frames in ready.items():
            found = self._sessions.get(key)
            prepared = PreparedFrames(frames)
            for listener in tuple(found) if isinstance(found, set) else (found,):
                if listener is not None:
                    self._push(listener, prepared)

    def _push(self, listener: Listener, prepared: PreparedFrames) -> None:
        try:
            listener.push(prepared)
        except Exception:
            logger.exception("A session of %s failed; the others go on.", self.group)
