"""The commands of a session, by noun: each is a function of the session's context."""

from __future__ import annotations

from bus.consumers.commands import activity, messages, rooms, session
from bus.consumers.commands.context import Handlers

# Nothing that a client writes names a function.
HANDLERS: Handlers = {
    **session.HANDLERS,
    **rooms.HANDLERS,
    **messages.HANDLERS,
    **activity.HANDLERS,
}
