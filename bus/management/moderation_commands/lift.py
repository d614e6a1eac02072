"""`moderation lift`: ends a mute, a timeout or a ban."""

from __future__ import annotations

from bus.enforcement import sanctions
from bus.management.moderation_commands.take_back import TakeBackCommand


class LiftCommand(TakeBackCommand):
    """Ends a mute, a timeout or a ban."""

    name = "lift"
    help = "end a mute, a timeout or a ban"

    def take_back(self, id_: int, reason: str) -> str:
        """End the sanction with this id."""
        return f"The {sanctions.lift(id_, by=None, reason=reason)} is lifted."
