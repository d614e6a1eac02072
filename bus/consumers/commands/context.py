"""What a command sees of the session that it was given to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from pydantic import BaseModel

from bus.chat.tokens import Grant
from bus.chat.visitors import Visitor
from bus.consumers.joined_rooms import JoinedRoom, JoinedRooms
from bus.consumers.message_sender import MessageSender
from bus.consumers.socket_limits import SocketLimits
from bus.consumers.web_process import WebProcess
from bus.protocol.commands import Command
from bus.protocol.objects import SessionUser
from bus.realtime.room_subscription import RoomSubscription

# What a reply says; bytes are JSON already.
Data = dict[str, Any] | BaseModel | bytes


class Context(Protocol):
    """One session, as its commands use it."""

    process: WebProcess
    visitor: Visitor
    rooms: JoinedRooms
    limits: SocketLimits
    # Where it comes from, "" where nobody knows.
    address: str
    # How many commands it was given, this one too.
    commands: int

    @property
    def sender(self) -> MessageSender:
        """What it writes with."""

    def is_granted(self, room: str) -> bool:
        """Whether its token, if it came with one, is for this room."""

    def user(self) -> SessionUser:
        """Who the session is, as its client is told."""

    async def identify(self, visitor: Visitor, grant: Grant | None = None) -> None:
        """Be whom a token says from now on."""

    async def listen(self) -> None:
        """Listen to what concerns the visitor alone; once is enough. Raises Unavailable."""

    async def subscribe(self, room_id: int) -> RoomSubscription:
        """Hear a room, its events held back; raises Unavailable."""

    def entered(self, room: JoinedRoom) -> None:
        """Be in a room from now on."""

    def leave(self, name: str) -> None:
        """Be in a room no more, and hear it no more."""

    def after_reply(self, work: Callable[[], None]) -> None:
        """Have something done at once when this command is answered."""


# Each takes the session's context, and the command.
Handlers = dict[type[Command], Callable[[Context, Any], Awaitable[Data]]]
