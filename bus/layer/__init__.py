"""The channel layer, its Lua scripts, dead letters, and the worker engine."""

from bus.layer.channel_layer import BusChannelLayer
from bus.layer.delivery import Delivery, Undeliverable

__all__ = ["BusChannelLayer", "Delivery", "Undeliverable"]
