"""What Django code calls, by its old name; use `bus.messaging`."""

from __future__ import annotations

import warnings

from bus.messaging import publish, send, send_on_commit

__all__ = ["publish", "send", "send_on_commit"]

warnings.warn("bus.publisher is now bus.messaging.", DeprecationWarning, stacklevel=2)
