"""Waits for the web process to say that everything is ready: Bus itself, and no other's probe."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable

# A first start on a slow machine, in seconds; after that the user is told what is missing.
_PATIENCE = 60.0
# Of an answer, in bytes; and how much of it is shown, in characters.
_LONGEST = 65_536
_SHOWN = 2000
_SOMETHING_ELSE = (
    "all is well, but it is not Bus that says so. Include bus.urls before what answers there, or "
    "under another prefix."
)
# Where the web process of `manage.py up` answers before whatever the project has there.
PROBE = "/readyz"


class ReadyWatch:
    """Asks a path, `/readyz`, until it answers 200, then calls `on_ready` from its thread."""

    def __init__(
        self,
        address: tuple[str, int],
        path: str,
        headers: dict[str, str],
        stopping: threading.Event,
        on_ready: Callable[[], None],
        on_late: Callable[[str], None],
        patience: float = _PATIENCE,
    ) -> None:
        """`headers` show who asks, so that what is missing is told.

        `on_late` is called once where it is not ready after `patience` seconds.
        """
        self._address = address
        self._path = path
        self._headers = headers
        self._stopping = stopping
        self._on_ready = on_ready
        self._on_late = on_late
        self._patience = patience

    def start(self) -> None:
        """Begin to ask; returns at once."""
        threading.Thread(target=self._run, name="ready", daemon=True).start()

    def _run(self) -> None:
        late = time.monotonic() + self._patience
        while not self._stopping.wait(0.1):
            status, answer = self._ask()
            if status == http.client.OK and _is_ours(answer):
                self._on_ready()
                return
            if time.monotonic() > late:
                self._on_late(_SOMETHING_ELSE if status == http.client.OK else answer[:_SHOWN])
                late = float("inf")

    def _ask(self) -> tuple[int, str]:
        connection = http.client.HTTPConnection(*self._address, timeout=5)
        try:
            connection.request("GET", self._path, headers=self._headers)
            response = connection.getresponse()
            text = response.read(_LONGEST).decode("utf-8", "replace").strip()
            return response.status, text or f"status {response.status}"
        except (OSError, http.client.HTTPException) as error:
            return 0, f"no answer from the web process ({error})"
        finally:
            connection.close()


def _is_ours(answer: str) -> bool:
    """Whether it is what Bus says of itself, whatever that is."""
    try:
        found = json.loads(answer)
    except ValueError:
        return False
    return isinstance(found, dict) and "database" in (found.get("checks") or ())
