"""`moderation forgive`: forgives a strike, and ends what it brought its author."""

from __future__ import annotations

from bus.enforcement import strikes
from bus.management.moderation_commands.take_back import TakeBackCommand


class ForgiveCommand(TakeBackCommand):
    """Forgives a strike, and ends what it brought its author."""

    name = "forgive"
    help = "forgive a strike, and end the mute or ban that it brought"
    id_help = "as in the admin, under Strikes"

    def take_back(self, id_: int, reason: str) -> str:
        """Forgive the strike with this id."""
        return f"The strike of {strikes.pardon(id_, by=None, reason=reason)} is forgiven."
