"""The app's worker: `manage.py runworker` finds it."""

from asgiref.sync import async_to_sync
from channels.consumer import SyncConsumer
from django.db.models import F

from lights.models import Light


class Switchboard(SyncConsumer):
    def light_switched(self, message):
        light, _ = Light.objects.get_or_create(name=message["name"])
        Light.objects.filter(pk=light.pk).update(lit=F("lit") + 1)
        light.refresh_from_db()
        told = {"type": "light.on", "name": light.name, "lit": light.lit}
        async_to_sync(self.channel_layer.group_send)("lights", told)


channels = {"lights": Switchboard.as_asgi()}
