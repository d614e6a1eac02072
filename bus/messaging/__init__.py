"""Our use of the broker, and the only door to it; Django code calls what stands here."""

from __future__ import annotations

from bus.messaging.outbox import send_on_commit
from bus.messaging.publisher import publish
from bus.messaging.sender import send

__all__ = ["publish", "send", "send_on_commit"]
