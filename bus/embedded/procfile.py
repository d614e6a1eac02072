"""What `manage.py up` runs: the lines of a Procfile, or those built in, for any project."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from bus.conf.extras import brought_by

with brought_by("embedded"):
    from honcho.environ import parse_procfile

NAMES = ("release", "web", "worker")

# As the Procfile of this repository has it, but for the application; a project that composes its
# own may not listen to the server's start.
_WEB = (
    "-m bus.servers.uvicorn_process bus.embedded.web:application "
    "--host {host} --port {port} --loop uvloop "
    "--http bus.servers.uvicorn_http:BoundedHttp "
    "--ws bus.servers.uvicorn_websocket:BoundedWebSocket "
    "--no-proxy-headers --lifespan auto --no-access-log --no-server-header "
    "--timeout-graceful-shutdown 10 --timeout-worker-healthcheck 30 "
    "--ws-max-size 1048576 --ws-per-message-deflate false"
)


def read(path: Path) -> dict[str, str]:
    """The lines of a file; raises OSError, and ValueError where one is missing."""
    lines: dict[str, str] = parse_procfile(path.read_text("utf-8")).processes
    missing = [name for name in NAMES if name not in lines]
    if missing:
        raise ValueError(f"{path} has no line for {', '.join(missing)}.")
    return lines


def built_in(host: str, port: int) -> dict[str, str]:
    """Lines for the project whose `manage.py` runs."""
    python = f"exec {shlex.quote(sys.executable)}"
    manage = f"{python} {_manage()}"
    return {
        "release": f"{manage} migrate --no-input",
        "web": f"{python} {_WEB.format(host=host, port=port)}",
        "worker": f"{manage} runworker",
    }


def _manage() -> str:
    """How this process was started, from wherever."""
    script = Path(sys.argv[0])
    if script.suffix == ".py" and script.stem != "__main__" and script.is_file():
        return shlex.quote(str(script.resolve()))
    return "-m django"
