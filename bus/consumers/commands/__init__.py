"""The commands of a session, by noun; rooms are entered and left by the session itself."""

from __future__ import annotations

from bus.consumers.commands import activity, messages, session
from bus.consumers.commands.types import Methods

# Nothing that a client writes names a function.
METHODS: Methods = {**session.METHODS, **messages.METHODS, **activity.METHODS}
