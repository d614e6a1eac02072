"""The commands of a session, by noun; rooms are entered and left by the session itself."""

from __future__ import annotations

from bus.consumers.commands import identity, messages, reading
from bus.consumers.commands.table import Methods

# Nothing that a client writes names a function.
METHODS: Methods = {**identity.METHODS, **messages.METHODS, **reading.METHODS}
