"""The Lua scripts of the release before, beside which ours run while one replaces the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgpack
import redis

_SCRIPTS = Path(__file__).parents[1] / "integration" / "broker" / "release_0_2"


def run(client: redis.Redis, name: str, base: str, now: int | str, *args: Any) -> Any:
    """Run a script of it; dicts are packed."""
    source = "".join((_SCRIPTS / f"{part}.lua").read_text("utf-8") for part in ("prelude", name))
    packed = [
        msgpack.packb(arg, use_bin_type=False) if isinstance(arg, dict) else arg for arg in args
    ]
    return client.eval(source, 1, f"{base}:meta", now, *packed)


def send(client: redis.Redis, base: str, payload: bytes, options: dict[str, Any]) -> bool:
    """Send with it; returns whether the channel had room."""
    try:
        run(client, "send", base, "", payload, options)
    except redis.ResponseError as error:
        if str(error).startswith("BUSFULL"):
            return False
        raise
    return True
