"""Commands about the session itself: who it is, and whether it lives."""

from __future__ import annotations

from django.utils import timezone

from bus.chat import tokens
from bus.chat.guest_tokens import visitor_of_token
from bus.chat.tokens import Grant
from bus.chat.visitors import Visitor
from bus.conf import conf
from bus.consumers.commands.context import Context, Data, Handlers
from bus.database import threads
from bus.messaging import throttle
from bus.protocol.commands import SessionAuthenticate, SessionPing
from bus.protocol.errors import Invalid
from bus.protocol.types import timestamp


async def authenticate(context: Context, command: SessionAuthenticate) -> Data:
    """`session.authenticate`: become who the token says, as long as it says so."""
    if context.commands > 1:
        raise Invalid("session.authenticate is the first command of a session.", field="type")
    visitor, grant = await throttle.verify(
        "token", conf.secret_rate, context.address, lambda: _check(command.token)
    )
    await context.identify(visitor, grant)
    return {"user": context.user()}


async def _check(token: str) -> tuple[Visitor, Grant | None]:
    """Whom a token names; raises Unauthenticated."""
    if not tokens.is_token(token):
        return visitor_of_token(token), None
    grant = await threads.run(tokens.check, token)
    return grant.visitor, grant


async def ping(context: Context, command: SessionPing) -> Data:
    """`session.ping`: a sign of life."""
    return {"server_time": timestamp(timezone.now())}


HANDLERS: Handlers = {SessionAuthenticate: authenticate, SessionPing: ping}
