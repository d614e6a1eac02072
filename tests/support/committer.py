"""A process that stores a send with its transaction, and stands still where it is to be killed."""

import os
import sys
import time
from typing import NoReturn

import django


def stand(where: str) -> NoReturn:
    """Tell where it stands, and go no further."""
    print(f"stands {where}", flush=True)
    while True:
        time.sleep(60)


def main(place: str, number: int) -> None:
    """Send job `number` with a transaction, and stand still at `place` of it."""
    django.setup()
    from django.db import transaction

    from bus.messaging import outbox
    from bus.models import Room

    if place == "sending":
        # A broker that hangs answers nobody; this process waits for it inside its relay.
        original = outbox.relay
        outbox.relay = lambda: (print("stands sending", flush=True), original())

    with transaction.atomic():
        if place == "committed":
            # Hooks run in their order, so the relay's, which is next, never does.
            transaction.on_commit(lambda: stand("committed"))
        Room.objects.create(name=f"room{os.getpid()}")
        message = {"type": "job.note", "n": number, "key": "key"}
        outbox.send_on_commit("jobs", message, ordering_key="key")
        if place == "open":
            stand("open")
        if place == "rolled back":
            transaction.set_rollback(True)
    stand(place)


main(sys.argv[1], int(sys.argv[2]))
