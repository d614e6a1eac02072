"""Where data is kept that belongs to no server: under `var/`, or BUS_VAR_DIR."""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

# The kernel's limit for a unix socket's path is 108 bytes on Linux and 104 on macOS.
_SOCKET_PATH_LIMIT = 100


def project_dir() -> Path:
    """The directory that the project's settings are imported from: that of its `manage.py`.

    All processes of a project find the same one, from wherever they are started, and while its
    settings are being read; one that is installed, or has no settings module, has the working
    directory.
    """
    package = os.environ.get("DJANGO_SETTINGS_MODULE", "").partition(".")[0]
    try:
        spec = find_spec(package) if package else None
    except ValueError:
        spec = None
    if spec is not None:
        found = next(iter(spec.submodule_search_locations or ()), None) or spec.origin
        if found and not {"site-packages", "dist-packages"} & set(Path(found).parts):
            return Path(found).resolve().parent
    return Path.cwd()


def var_dir() -> Path:
    """Where the embedded broker keeps its data: `BUS_VAR_DIR`, or `var/` of the project."""
    return Path(os.environ.get("BUS_VAR_DIR") or project_dir() / "var").absolute()


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
