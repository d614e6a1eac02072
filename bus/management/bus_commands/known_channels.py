"""Whether there is a channel of the name that was typed."""

from __future__ import annotations

from django.core.management.base import CommandError

from bus.messaging import operations


async def require_known(channels: list[str]) -> None:
    """Raise CommandError for a channel that nobody ever sent to or works on."""
    known = await operations.channels()
    unknown = [channel for channel in channels if channel not in known]
    if unknown:
        raise CommandError(
            f"Nothing is known of the channel {', '.join(unknown)}: nobody sent to it, nobody "
            f"works on it. There are: {', '.join(known)}. Nothing was changed."
        )
