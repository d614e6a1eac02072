"""Django signals of the broker."""

from __future__ import annotations

from django.dispatch import Signal

# An attempt at a message failed: its `delivery`, the `error` (an exception, or words where a worker
# died of it), and whether it is `final`, and the message a dead letter. Sent before the broker is
# told, so that who is killed in between tells it once more. A receiver that raises is logged.
delivery_failed = Signal()
