"""Calls listeners by name; one that raises stops nobody else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

Listener = Callable[[Any], object]


class Emitter:
    """Something that others listen to."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` whenever `name` happens, until the function returned here is called."""
        listeners = self._listeners.setdefault(name, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener) if listener in listeners else None

    def emit(self, name: str, value: Any) -> None:
        """Tell the listeners of `name`."""
        for listener in list(self._listeners.get(name, ())):
            try:
                listener(value)
            except Exception:
                logger.exception("A listener to %r failed.", name)
