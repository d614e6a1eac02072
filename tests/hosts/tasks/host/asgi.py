"""What `runworker` runs."""

from channels.routing import ProtocolTypeRouter

from bus.routing import channels

application = ProtocolTypeRouter({"channel": channels})
