"""Room chat with moderation workers, and an event bus, for teams that use Django."""

from __future__ import annotations

from typing import Any

__version__ = "0.3.0"


def channel_layers(url: str | None = None, alias: str = "default") -> dict[str, Any]:
    """What `CHANNEL_LAYERS` is with Bus's layer: the broker of `url`, or of the environment's
    REDIS_URL, or the one that `manage.py up` starts.

    A project that keeps another layer as its `default` names this one by `alias`, and that in
    BUS_LAYER.
    """
    import os

    from bus.conf import paths

    host = url or os.environ.get("REDIS_URL") or paths.embedded_broker_url()
    return {alias: {"BACKEND": "bus.broker.BusChannelLayer", "CONFIG": {"hosts": [host]}}}
