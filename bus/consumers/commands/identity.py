"""Commands about the session itself: who it is, and whether it lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from bus import protocol
from bus.consumers import database
from bus.consumers.commands.table import Data, Methods
from bus.errors import Invalid
from bus.fields import timestamp
from bus.services import access, tokens

if TYPE_CHECKING:
    from bus.consumers.session import Session


async def authenticate(session: Session, command: protocol.SessionAuthenticate) -> Data:
    """`session.authenticate`: become who the token says, as long as it says so."""
    if session.commands > 1:
        raise Invalid("session.authenticate is the first command of a session.", field="type")
    if tokens.is_token(command.token):
        grant = await database.run(tokens.check, command.token)
        await session.identify(grant.visitor, grant)
    else:
        await session.identify(access.visitor_of_token(command.token))
    return {"user": session.user()}


async def ping(session: Session, command: protocol.SessionPing) -> Data:
    """`session.ping`: a sign of life."""
    return {"server_time": timestamp(timezone.now())}


METHODS: Methods = {protocol.SessionAuthenticate: authenticate, protocol.SessionPing: ping}
