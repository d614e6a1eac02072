"""Read marks of a web process: gathered, written together, and told to their user's sessions."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from bus.chat import read_state
from bus.chat.read_state import RoomUser
from bus.database import threads
from bus.database.batch_loader import BatchLoader
from bus.messaging import publisher
from bus.messaging.event_batch import EventBatch
from bus.protocol import user_ids
from bus.protocol.errors import Unavailable
from bus.protocol.events import ReadChanged
from bus.protocol.objects import Reading

logger = logging.getLogger(__name__)

# Marks gather for this long before they are written, in seconds.
_GATHERING = 1.0


class ReadMarks:
    """Keeps marks in memory for a moment: people scroll faster than a database needs to know."""

    def __init__(self) -> None:
        # By room and user, the newest seq that is not written yet.
        self._waiting: dict[RoomUser, int] = {}
        # The names of their rooms.
        self._names: dict[int, str] = {}
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self._states: BatchLoader[RoomUser, Reading] = BatchLoader(read_state.states)

    def mark(self, room_id: int, room: str, user_id: Any, seq: int) -> None:
        """Note how far a user has read; written and told within a second or so."""
        room_user = room_id, user_id
        self._waiting[room_user] = max(seq, self._waiting.get(room_user, 0))
        self._names[room_id] = room
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write_on())

    async def state(self, room_id: int, user_id: Any) -> Reading:
        """How far a user has read, and how much not; raises Unavailable."""
        room_user = room_id, user_id
        if room_user in self._waiting:
            await self.flush()
        return await self._states.load(room_user)

    async def flush(self) -> None:
        """Write what was gathered; raises Unavailable, and keeps it then."""
        async with self._writing:
            marks, self._waiting = self._waiting, {}
            try:
                moved = await threads.run(read_state.mark, marks)
            except BaseException:
                for room_user, seq in marks.items():
                    self._waiting[room_user] = max(seq, self._waiting.get(room_user, 0))
                raise
            names = self._names
            if not self._waiting:
                self._names = {}
        batches: dict[str, EventBatch] = {}
        for (room_id, user_id), seq in moved.items():
            frame = ReadChanged(seq=seq).frame(names[room_id])
            batches.setdefault(user_ids.key_of(user_id), EventBatch()).events.append((None, frame))
        if batches:
            try:
                await publisher.publish({}, batches)
            except Unavailable as error:
                logger.debug("Other sessions see read marks when they join again: %s", error)

    async def close(self) -> None:
        """Write what was gathered, once and for all."""
        if self._writer is not None:
            self._writer.cancel()
        self._states.close()
        try:
            await self.flush()
        except Unavailable as error:
            logger.warning("%d read marks are lost: %s", len(self._waiting), error)

    async def _write_on(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHERING)
            try:
                await self.flush()
            except Unavailable as error:
                logger.debug("Read marks wait for the database: %s", error)
            except Exception:
                logger.exception("Read marks could not be written; they are tried again.")
