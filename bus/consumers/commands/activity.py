"""Commands about reading and writing habits: read marks, unread counts, who is typing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bus.chat import read_state
from bus.consumers.commands.types import Data, Methods
from bus.consumers.read_marks import read_marks
from bus.database import threads
from bus.protocol.commands import ReadMark, TypingStart, UnreadList
from bus.realtime.hub import hub

if TYPE_CHECKING:
    from bus.consumers.session import Session


async def mark(session: Session, command: ReadMark) -> Data:
    """`read.mark`: this is how far the user has read; a guest's marks are not kept."""
    room = session.place(command.room).entry.room
    if session.visitor.user_id is not None:
        read_marks().mark(room.pk, room.name, session.visitor.user_id, command.seq)
    return {}


async def list_unread(session: Session, command: UnreadList) -> Data:
    """`unread.list`: how much is unread in each of the user's rooms."""
    await read_marks().flush()
    rooms = await threads.run(read_state.of_user, session.visitor)
    return {"rooms": [found for found in rooms if session.is_granted(found.room)]}


async def start_typing(session: Session, command: TypingStart) -> Data:
    """`typing.start`: let the room know; again while it goes on."""
    entry = session.place(command.room).entry
    entry.check_write()
    session.count("typing")
    visitor = session.visitor
    hub().typing.start(entry.room.pk, entry.room.name, visitor.key, visitor.author)
    return {}


METHODS: Methods = {
    ReadMark: mark,
    UnreadList: list_unread,
    TypingStart: start_typing,
}
