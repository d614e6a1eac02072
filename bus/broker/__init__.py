"""The channel layer, its Lua scripts, dead letters, and the worker engine."""

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.delivery import Delivery, Undeliverable

__all__ = ["BusChannelLayer", "Delivery", "Undeliverable"]
