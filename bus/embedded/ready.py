"""Waits for the web process to say that everything is ready."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable

# A first start on a slow machine, in seconds; after that the user is told what is missing.
_PATIENCE = 60.0


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
            if status == http.client.OK:
                self._on_ready()
                return
            if time.monotonic() > late:
                self._on_late(answer)
                late = float("inf")

    def _ask(self) -> tuple[int, str]:
        connection = http.client.HTTPConnection(*self._address, timeout=5)
        try:
            connection.request("GET", self._path, headers=self._headers)
            response = connection.getresponse()
            return response.status, response.read(2000).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException) as error:
            return 0, f"no answer from the web process ({error})"
        finally:
            connection.close()
