"""The project's own channel."""

from channels.consumer import SyncConsumer
from django.conf import settings

# What was lit, a line each.
LIT = settings.BASE_DIR / "lit"


class Lamp(SyncConsumer):
    """Notes which lamp is lit."""

    def lamp_on(self, message):
        """Light one."""
        with LIT.open("a") as file:
            file.write(f"{message['name']}\n")


channels = {"lamps": Lamp.as_asgi()}
