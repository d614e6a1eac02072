"""Plain chat, `/ws/chat/<room>/`: the protocol of the Channels tutorials."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bus.chat.room_access import RoomAccess
from bus.chat.room_rights import Rights
from bus.chat.user_adapter import Profile
from bus.conf import conf
from bus.consumers.message_sender import MessageSender
from bus.consumers.origin import refuse
from bus.consumers.socket import Closed, Socket, is_too_large
from bus.protocol import channel_names, types
from bus.protocol.errors import (
    CLOSE_BAD_FRAME,
    CLOSE_FORBIDDEN,
    CLOSE_TOO_MANY,
    CLOSE_TOO_SLOW,
    BusError,
    Internal,
    Invalid,
    RateLimited,
    Unavailable,
)
from bus.protocol.frames import parse_frame
from bus.protocol.plain_chat import plain_chat_refusal
from bus.realtime.room_subscription import RoomSubscription

logger = logging.getLogger(__name__)

_ROOM_NAME: TypeAdapter[str] = TypeAdapter(types.RoomName)
_BODY: TypeAdapter[str] = TypeAdapter(types.Body)


class PlainChat(Socket):
    """One socket in one room; what it cannot have it is told in a frame, and stays."""

    def __init__(self) -> None:
        super().__init__()
        # Each message is told by this and a number, so that its fate is shown here alone.
        self._mark = uuid.uuid4().hex
        self._written = 0
        self._name = ""
        self._access: RoomAccess | None = None
        self._subscription: RoomSubscription | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve the room that the path names; a name that none can have is refused."""
        try:
            self._name = _ROOM_NAME.validate_python(scope["url_route"]["kwargs"]["room"])
        except ValidationError:
            await refuse(receive, send)
            return
        await super().__call__(scope, receive, send)

    def send_rate(self) -> float:
        """Messages per second that it may send on average; 0 is no limit."""
        return conf.plain_send_rate

    async def begin(self) -> None:
        """Enter the room; who may not is told why and sent away."""
        self._sender = MessageSender(self.visitor, self.limits, self.process.outcomes)
        if self.turned_down is not None:
            self._refuse(self.turned_down)
            raise Closed(CLOSE_TOO_MANY)
        try:
            if self.send_rate() > 0:
                self.limits.check("joins")
            self._access = await self.process.admission.enter(
                self._name, self.visitor, self.address
            )
            room = self._access.room
            subscription = await self.process.hub.join_room(
                room.pk, self.writer, sender_mark=self._sender_mark()
            )
        except BusError as error:
            self._refuse(error)
            raise Closed(_code_of(error)) from error
        self._subscription = subscription
        self.process.guest_sightings.note(self.visitor)
        self.process.access_watcher.entered(self, room.pk)
        # It shows nobody who is here, so it waits for nothing.
        self.process.hub.presence.arrive(room.pk, room.name, self.visitor.key, self.visitor.author)
        subscription.release(self.process.hub.position(room.pk))

    async def take(self, text: str | None) -> None:
        """Send one message, or tell what is wrong with it."""
        self.check_commands(1)
        if text is not None and is_too_large(text):
            raise Closed(CLOSE_BAD_FRAME)
        try:
            await self._write(_body(text))
        except BusError as error:
            self._refuse(error)
        except Exception:
            logger.exception("A message of %s failed.", self.visitor.key)
            self._refuse(Internal())

    def clean_up(self) -> None:
        """Leave the room."""
        if self._subscription is not None and self._access is not None:
            self.process.hub.leave_room(self._subscription)
            self.process.hub.presence.leave(self._access.room.pk, self.visitor.key)

    def accesses(self) -> dict[int, RoomAccess]:
        """What it keeps of the visitor's rights, by room id."""
        return {} if self._access is None else {self._access.room.pk: self._access}

    def refresh(self, access: RoomAccess, right: Rights) -> None:
        """Keep other rights; the next message is written with them."""
        self._access = access

    def lose(
        self, room_id: int, error: BusError, right: Rights | None, *, reason: str = "not_found"
    ) -> None:
        """Say why, and close for good: there is nothing here but the room."""
        self._refuse(error)
        self.end(CLOSE_FORBIDDEN)

    def rename(self, profile: Profile) -> None:
        """The visitor is shown like this from now on."""
        super().rename(profile)
        self._sender.visitor = self.visitor

    async def _write(self, body: str) -> None:
        assert self._access is not None
        self._written += 1
        await self._sender.write(self._access, body, self._client_id())

    def _client_id(self) -> str:
        return f"{self._mark}-{self._written}"

    def _sender_mark(self) -> str:
        return channel_names.sender_mark(self.visitor.key, self._client_id())

    def _refuse(self, error: BusError) -> None:
        self.writer.reply(plain_chat_refusal(error))


def _code_of(error: BusError) -> int:
    """What a socket is closed with that is not let in: whether to come back."""
    if isinstance(error, Unavailable):
        return CLOSE_TOO_SLOW
    return CLOSE_TOO_MANY if isinstance(error, RateLimited) else CLOSE_FORBIDDEN


def _body(text: str | None) -> str:
    """The message in a frame; raises Invalid or TooLong."""
    items = parse_frame(text) if text is not None else []
    item = items[0] if len(items) == 1 else {}
    if item.get("type", "chat.message") != "chat.message" or not isinstance(
        item.get("message"), str
    ):
        raise Invalid('Send one JSON object a frame: {"message": "…"}.')
    try:
        return _BODY.validate_python(item["message"])
    except ValidationError as error:
        refusal = types.refusal_of(error)
    raise refusal
