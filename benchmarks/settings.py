"""Bus's settings with the consumers of the benchmarks; BENCH_LAYER may name a stock layer."""

from __future__ import annotations

import os
from typing import Any

from config.settings import *  # noqa: F403
from config.settings import BROKER_URL, CHANNEL_LAYERS

ASGI_APPLICATION = "benchmarks.application.application"

# Stock layers with nothing that would drop or expire what the benchmark sends.
_HOSTS = [{"address": BROKER_URL, "socket_timeout": None, "max_connections": 10_000}]
STOCK: dict[str, dict[str, Any]] = {
    "core": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": _HOSTS, "capacity": 10_000_000, "expiry": 3600},
    },
    "pubsub": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": _HOSTS},
    },
}
_layer = os.environ.get("BENCH_LAYER", "bus")
if _layer != "bus":
    CHANNEL_LAYERS["default"] = STOCK[_layer]
# A million messages may wait.
BUS_CAPACITY = 10_000_000
# The stock layers are what it compares with.
SILENCED_SYSTEM_CHECKS = ["bus.E001", "bus.W034"]
