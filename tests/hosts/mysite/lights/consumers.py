"""The app's socket, as it was before Bus."""

from channels.generic.websocket import AsyncJsonWebsocketConsumer


class Lights(AsyncJsonWebsocketConsumer):
    groups = ["lights"]

    async def connect(self):
        await super().connect()
        await self.send_json({"you": getattr(self.scope["user"], "email", "")})

    async def light_on(self, event):
        await self.send_json({"on": event["name"], "lit": event["lit"]})
