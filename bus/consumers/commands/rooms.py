"""Commands about being in a room: join, and leave."""

from __future__ import annotations

from bus.chat.room_access import RoomAccess
from bus.conf import conf
from bus.consumers.commands.context import Context, Data, Handlers
from bus.consumers.joined_rooms import JoinedRoom
from bus.protocol.commands import RoomJoin, RoomLeave
from bus.protocol.errors import BusError, Forbidden, Unavailable
from bus.protocol.objects import Joined
from bus.protocol.replies import DONE
from bus.protocol.types import canonical_name


async def join(context: Context, command: RoomJoin) -> Data:
    """`room.join`: hold events back, read history, reply, let newer events through."""
    context.limits.check("joins")
    known = context.rooms.name_of(command.room) in context.rooms
    if not known and len(context.rooms) >= conf.join_limit:
        raise Forbidden(f"A session may be in {conf.join_limit} rooms; leave one first.")
    await context.listen()
    access = await _admit(context, command.room)
    name = access.room.name
    room = context.rooms.find(name)
    if room is not None and room.access.room.pk != access.room.pk:
        # Another room of that name stands where this one was.
        context.leave(name)
        room = None
    if room is None:
        return await _join_new(context, command, access)
    return await _join_again(context, command, room, access)


async def leave(context: Context, command: RoomLeave) -> Data:
    """`room.leave`: hear no more of it; once more does no harm."""
    name = context.rooms.name_of(command.room)
    context.rooms.forget_loss(name)
    if name in context.rooms:
        context.leave(name)
    return DONE


async def _admit(context: Context, room: str) -> RoomAccess:
    """The visitor's rights now; without them, the session is in the room no more."""
    canonical = canonical_name(room) or room
    # Which of the two it is, only the database knows.
    if not (context.is_granted(room) or context.is_granted(canonical)):
        raise Forbidden("Your token is not for this room.")
    try:
        access = await context.process.admission.enter(room, context.visitor, context.address)
    except Unavailable:
        raise
    except BusError:
        if (name := context.rooms.name_of(room)) in context.rooms:
            context.leave(name)
        raise
    if not context.is_granted(access.room.name):
        raise Forbidden("Your token is not for this room.")
    context.process.guest_sightings.note(context.visitor)
    return access


async def _join_new(context: Context, command: RoomJoin, access: RoomAccess) -> bytes:
    room = JoinedRoom(access, await context.subscribe(access.room.pk))
    try:
        joined = await _catch_up(context, command, room)
        context.entered(room)
        return joined
    except BaseException:
        context.process.hub.leave_room(room.subscription)
        raise


async def _join_again(
    context: Context, command: RoomJoin, room: JoinedRoom, access: RoomAccess
) -> bytes:
    room.access = access
    name = access.room.name
    room.subscription.hold()
    try:
        joined = await _catch_up(context, command, room)
        if context.rooms.find(name) is not room:
            # Lost meanwhile.
            context.rooms.require(name)
        return joined
    except BaseException:
        # It stays where it was before.
        room.subscription.release()
        raise


async def _catch_up(context: Context, command: RoomJoin, joined: JoinedRoom) -> bytes:
    """The reply to a join; the events held back follow it."""
    room, access, process, visitor = (
        joined.access.room,
        joined.access,
        context.process,
        context.visitor,
    )
    read = unread = None
    if visitor.user_id is not None:
        state = await process.read_marks.state(room.pk, visitor.user_id)
        read, unread = state.read, state.unread
    presence, key = process.hub.presence, visitor.key
    here = room.name in context.rooms
    if here:
        present = await presence.look(room.pk)
    else:
        present = await presence.enter(room.pk, room.name, key, visitor.author)
    try:
        # Last: what is removed while something is awaited after this would come out again.
        found = await process.hub.recover(
            joined.subscription, command.since, command.limit, room.head
        )
    except BaseException:
        if not here:
            presence.leave(room.pk, key)
        raise
    context.after_reply(lambda: joined.subscription.release(found.head))
    # Its parts were checked as they were made.
    return Joined.model_construct(
        room=access.info,
        you=access.you,
        seq=found.head,
        recovered=found.recovered,
        messages=[],
        presence=present,
        read=read,
        unread=unread,
    ).encode(found.messages)


HANDLERS: Handlers = {RoomJoin: join, RoomLeave: leave}
