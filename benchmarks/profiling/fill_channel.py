"""Fills the channel of the working directory's Bus: `python fill_channel.py COUNT ROOMS ROUND`."""

from __future__ import annotations

import asyncio
import os
import sys

AUTHORS = 997
TOGETHER = 500


async def fill(count: int, rooms: int, number: int) -> None:
    """Send what people would write, as many rooms as wanted in turn."""
    from bus.messaging import default_layer
    from bus.protocol import channel_names

    layer = default_layer.get()
    for start in range(0, count, TOGETHER):
        await asyncio.gather(
            *(
                layer.send(
                    channel_names.MODERATION,
                    {
                        "type": "message.submitted",
                        "room": f"room{n % rooms}",
                        "author": {"id": f"g{n % AUTHORS}", "name": "guest"},
                        "body": f"message number {n} of round {number}, nothing special",
                        "client_id": f"{number}-{n}",
                    },
                )
                for n in range(start, min(start + TOGETHER, count))
            )
        )
    await layer.close()


def main() -> None:
    """Make the rooms, then send."""
    sys.path[0] = os.getcwd()
    import django

    django.setup()
    from bus.models import Room

    count, rooms, number = map(int, sys.argv[1:])
    made = [Room(name=f"room{n}", access="open") for n in range(rooms)]
    Room.objects.bulk_create(made, ignore_conflicts=True)
    asyncio.run(fill(count, rooms, number))


if __name__ == "__main__":
    main()
