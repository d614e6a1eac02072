"""A channel layer whose named channels keep order and lose nothing, and the worker that reads them.

It stands alone: `INSTALLED_APPS += ["bus.broker"]` gives any Django project layer and `runworker`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bus.broker.channel_layer import BusChannelLayer
    from bus.broker.delivery import Delivery, Undeliverable

__all__ = ["BusChannelLayer", "Delivery", "Undeliverable"]

# Where each is: imported when it is asked for, since who knows the errors alone needs no Redis.
_HOMES = {
    "BusChannelLayer": "bus.broker.channel_layer",
    "Delivery": "bus.broker.delivery",
    "Undeliverable": "bus.broker.delivery",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
