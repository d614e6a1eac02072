"""Where data is kept that belongs to no server: under `var/`, or BUS_VAR_DIR."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

# The kernel's limit for a unix socket's path is 108 bytes on Linux and 104 on macOS.
_SOCKET_PATH_LIMIT = 100


def var_dir() -> Path:
    """Where the embedded broker and SQLite keep their data: `BUS_VAR_DIR`, or `var/` here."""
    default = Path(__file__).resolve().parents[2] / "var"
    return Path(os.environ.get("BUS_VAR_DIR") or default).absolute()


def learned_weights_path() -> Path:
    """Where the model's weights are kept that were learned from moderators' decisions."""
    return var_dir() / "moderation" / "weights.npz"


def embedded_socket_path() -> Path:
    """The embedded broker's unix socket: under `var/`, or in a short directory of this user."""
    path = var_dir() / "valkey" / "valkey.sock"
    if len(os.fsencode(path)) < _SOCKET_PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"bus-{os.getuid()}-{digest}" / "valkey.sock"


def embedded_broker_url() -> str:
    """What stands in for `REDIS_URL` when it is not set."""
    return f"unix://{embedded_socket_path()}"
