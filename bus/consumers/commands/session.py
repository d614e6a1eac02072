"""Commands about the session itself: who it is, and whether it lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from bus.chat import tokens
from bus.chat.guest_tokens import visitor_of_token
from bus.chat.tokens import Grant
from bus.chat.visitors import Visitor
from bus.conf import conf
from bus.consumers.commands.types import Data, Methods
from bus.database import threads
from bus.messaging import throttle
from bus.protocol.commands import SessionAuthenticate, SessionPing
from bus.protocol.errors import Invalid
from bus.protocol.types import timestamp

if TYPE_CHECKING:
    from bus.consumers.session import Session


async def authenticate(session: Session, command: SessionAuthenticate) -> Data:
    """`session.authenticate`: become who the token says, as long as it says so."""
    if session.commands > 1:
        raise Invalid("session.authenticate is the first command of a session.", field="type")
    visitor, grant = await throttle.verify(
        "token", conf.secret_rate, session.address, lambda: _check(command.token)
    )
    await session.identify(visitor, grant)
    return {"user": session.user()}


async def _check(token: str) -> tuple[Visitor, Grant | None]:
    """Whom a token names; raises Unauthenticated."""
    if not tokens.is_token(token):
        return visitor_of_token(token), None
    grant = await threads.run(tokens.check, token)
    return grant.visitor, grant


async def ping(session: Session, command: SessionPing) -> Data:
    """`session.ping`: a sign of life."""
    return {"server_time": timestamp(timezone.now())}


METHODS: Methods = {SessionAuthenticate: authenticate, SessionPing: ping}
