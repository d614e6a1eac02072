"""Commands about reading and writing habits: read marks, unread counts, who is typing."""

from __future__ import annotations

from bus.chat import read_state
from bus.consumers.commands.context import Context, Data, Handlers
from bus.database import threads
from bus.protocol.commands import ReadMark, TypingStart, UnreadList
from bus.protocol.replies import DONE


async def mark(context: Context, command: ReadMark) -> Data:
    """`read.mark`: this is how far the user has read; a guest's marks are not kept."""
    room = context.rooms.require(command.room).access.room
    if context.visitor.user_id is not None:
        context.process.read_marks.mark(room.pk, room.name, context.visitor.user_id, command.seq)
    return DONE


async def list_unread(context: Context, command: UnreadList) -> Data:
    """`unread.list`: how much is unread in each of the user's rooms."""
    await context.process.read_marks.flush()
    rooms = await threads.run(read_state.of_user, context.visitor)
    return {"rooms": [found for found in rooms if context.is_granted(found.room)]}


async def start_typing(context: Context, command: TypingStart) -> Data:
    """`typing.start`: let the room know; again while it goes on."""
    access = context.rooms.require(command.room).access
    access.check_write()
    context.limits.check("typing")
    visitor = context.visitor
    context.process.hub.typing.start(access.room.pk, access.room.name, visitor.key, visitor.author)
    return DONE


HANDLERS: Handlers = {
    ReadMark: mark,
    UnreadList: list_unread,
    TypingStart: start_typing,
}
