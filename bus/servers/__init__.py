"""What Bus relies on in web servers beyond their public API, and what it bounds there.

Each file names the version that was read; `tests/unit/servers/` fails where that changes.
"""

from bus.servers.uvicorn_server import warn_of_missing_bounds

__all__ = ["warn_of_missing_bounds"]
