"""What `runworker` runs."""

from channels.routing import ChannelNameRouter, ProtocolTypeRouter

from bus.routing import channels

application = ProtocolTypeRouter({"channel": ChannelNameRouter(channels)})
