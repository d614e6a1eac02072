"""Makes one socket true to what the database says of it."""

from __future__ import annotations

from typing import TypeGuard

from bus.chat.live_access import LiveAccess
from bus.chat.room_access import RoomAccess
from bus.chat.room_rights import Rights
from bus.consumers.watched_sockets import Check, WatchedSocket
from bus.protocol.errors import (
    CLOSE_TOO_SLOW,
    CLOSE_UNAUTHENTICATED,
    BusError,
    NotFound,
)


def apply(socket: WatchedSocket, standing: LiveAccess, check: Check) -> bool:
    """Close a socket, or change what it may do and is called; returns whether it was renamed."""
    code = _end_of(socket, standing)
    if code:
        socket.end(code)
        return False
    key = socket.visitor.key
    profile = standing.profiles.get(key)
    renamed = profile is not None and profile != socket.visitor.profile
    if profile is not None and renamed:
        socket.rename(profile)
    accesses = socket.accesses()
    for room_id, access in accesses.items():
        # A room that was entered meanwhile was not asked about.
        if (room_id, key) in check.room_authors:
            _apply_room(socket, access, standing.rights.get((room_id, key)))
    for room_id, author in check.named:
        right = standing.rights.get((room_id, author))
        if author == key and room_id not in accesses and _concerns(right):
            socket.notify(right)
    return renamed


def _end_of(socket: WatchedSocket, standing: LiveAccess) -> int:
    """The code to close a socket with whose visitor is not who they were, else 0."""
    visitor, login = socket.visitor, socket.login
    if visitor.user_id is None:
        return 0
    password = standing.passwords.get(visitor.key)
    if password is None:
        return CLOSE_UNAUTHENTICATED
    if socket.token_password not in (None, hash(password)):
        # Its token is worth nothing any more.
        return CLOSE_UNAUTHENTICATED
    if login is not None and (login.key not in standing.logins or login.password != hash(password)):
        # Signed out by another way, or another cookie by now: come back and be who you are.
        return CLOSE_TOO_SLOW
    return 0


def _concerns(right: Rights | None) -> TypeGuard[Rights]:
    """Whether the visitor is to hear of rights in a room that they are not in.

    Of one that they may not know of they hear that they are a member no more, but of no sanction.
    """
    if right is None:
        return False
    return not right.hidden or (right.banned is None and right.muted is None)


def _apply_room(socket: WatchedSocket, access: RoomAccess, right: Rights | None) -> None:
    room_id = access.room.pk
    if right is None:
        socket.lose(room_id, NotFound(), None)
        return
    try:
        now = right.access()
    except BusError as error:
        socket.lose(room_id, error, right)
        return
    if right.room.name != access.room.name:
        # Under its old name it is told of the new one; from here on, all it hears has that.
        socket.refresh(now, right)
        moved = NotFound(f"This room is called {right.room.name} now.")
        socket.lose(room_id, moved, None, reason="renamed")
        return
    if now.differs(access):
        socket.refresh(now, right)
