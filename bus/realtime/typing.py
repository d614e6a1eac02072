"""Who is typing in the rooms of this process; nothing of it is stored anywhere.

Each process publishes who began to type here, and each keeps the same list for itself, from
which people fall out by themselves: so a process that dies leaves nobody typing for ever.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bus.messaging import publisher
from bus.protocol.errors import Unavailable
from bus.protocol.events import TypingChanged
from bus.protocol.objects import Author

logger = logging.getLogger(__name__)

# Who was heard of last this long ago types no more, in seconds.
_EXPIRY = 6.0
# A client repeats itself every few seconds; what comes sooner is not published.
_RENEWAL = 2.0
# A room is shown at most one list in this, and other processes are told no more often, in seconds.
_GATHERING = 1.0
# Rooms with more listeners in this process are shown nothing: each change would reach all of them.
_AUDIENCE_LIMIT = 100
# Who began and who stopped within a second; the rest fall out by themselves.
_NEWS_LIMIT = 200


@dataclass(slots=True)
class _Typing:
    """One room's people at their keyboards."""

    name: str
    # By author key: who, and until when.
    people: dict[str, tuple[Author, float]] = field(default_factory=dict)
    shown: list[Author] = field(default_factory=list)
    shown_at: float = float("-inf")
    timer: asyncio.TimerHandle | None = None

    @property
    def members(self) -> list[Author]:
        """Who types, as they are called now: somebody renamed is a change, too."""
        return [author for author, _ in self.people.values()]


class TypingKeeper:
    """Hears who types, and shows rooms at most once a second."""

    def __init__(
        self,
        deliver: Callable[[int, bytes], None],
        audience: Callable[[int], int],
        *,
        expiry: float = _EXPIRY,
        gathering: float = _GATHERING,
    ) -> None:
        """`deliver` takes a frame to a room's sessions here, of which there are `audience`."""
        self.expiry = expiry
        self._gathering = gathering
        self._deliver = deliver
        self._audience = audience
        self._rooms: dict[int, _Typing] = {}
        # When each of this process was last published, by room and author key.
        self._published_at: dict[tuple[int, str], float] = {}
        # What is to be published, by room; None for who stopped.
        self._news: dict[int, dict[str, Author | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, room: int, name: str, key: str, author: Author) -> None:
        """Somebody here types."""
        now = time.monotonic()
        if self._published_at.get((room, key), float("-inf")) > now - _RENEWAL:
            return
        if self._audience(room) > _AUDIENCE_LIMIT:
            return
        # Oldest first: those who stopped without a word are forgotten as others start.
        self._published_at.pop((room, key), None)
        self._published_at[room, key] = now
        for oldest in list(self._published_at)[:2]:
            if self._published_at[oldest] < now - self.expiry:
                del self._published_at[oldest]
        self._publish_soon(room, name, key, author)

    def stop(self, room: int, name: str, key: str) -> None:
        """Somebody here sent what they typed, or left."""
        if self._published_at.pop((room, key), float("-inf")) > time.monotonic() - self.expiry:
            self._publish_soon(room, name, key, None)

    def receive(self, message: dict[str, Any]) -> None:
        """A process, this one or another, published who began and who stopped."""
        room = message["room"]
        typing = self._rooms.setdefault(room, _Typing(message["name"]))
        until = time.monotonic() + self.expiry
        for key, id, name in message["started"]:
            typing.people[key] = Author.of_stored(id, name), until
        for key in message["stopped"]:
            typing.people.pop(key, None)
        self._plan(room, typing)

    def forget(self, keys: Iterable[str]) -> None:
        """These people have other names now; who goes on typing is heard of again."""
        gone = set(keys)
        for published in [published for published in self._published_at if published[1] in gone]:
            del self._published_at[published]
        for news in self._news.values():
            for key in gone & news.keys():
                del news[key]
        for room, typing in list(self._rooms.items()):
            for key in gone & typing.people.keys():
                del typing.people[key]
            self._plan(room, typing)

    def close(self) -> None:
        """Forget everybody."""
        for typing in self._rooms.values():
            if typing.timer is not None:
                typing.timer.cancel()
        for task in self._tasks:
            task.cancel()
        self._rooms.clear()

    def _publish_soon(self, room: int, name: str, key: str, author: Author | None) -> None:
        news = self._news.get(room)
        if news is not None:
            if len(news) < _NEWS_LIMIT:
                news[key] = author
            return
        self._news[room] = {key: author}
        task = asyncio.get_running_loop().create_task(self._publish(room, name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _publish(self, room: int, name: str) -> None:
        """Tell the processes, the first news at once and what follows in a second's time."""
        try:
            while news := self._news[room]:
                self._news[room] = {}
                started = [(key, who.id, who.name) for key, who in news.items() if who is not None]
                stopped = [key for key, who in news.items() if who is None]
                await publisher.publish_typing(room, name, started, stopped)
                await asyncio.sleep(self._gathering)
        except Unavailable as error:
            logger.debug("Who types in %s is not published: %s", name, error)
        finally:
            del self._news[room]

    def _plan(self, room: int, typing: _Typing) -> None:
        """Set the timer to when there is something to say."""
        if typing.timer is not None:
            typing.timer.cancel()
        now = time.monotonic()
        if typing.members != typing.shown:
            wait = typing.shown_at + self._gathering - now
        elif typing.people:
            wait = min(until for _, until in typing.people.values()) - now
        else:
            del self._rooms[room]
            return
        loop = asyncio.get_running_loop()
        typing.timer = loop.call_later(max(wait, 0), self._look, room, typing)

    def _look(self, room: int, typing: _Typing) -> None:
        now = time.monotonic()
        typing.people = {
            key: (author, until) for key, (author, until) in typing.people.items() if until > now
        }
        if typing.members != typing.shown:
            typing.shown, typing.shown_at = typing.members, now
            shown = TypingChanged(members=typing.shown[:_AUDIENCE_LIMIT])
            self._deliver(room, shown.frame(typing.name))
        self._plan(room, typing)
