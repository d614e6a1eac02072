"""Watches the code of a running process, for `--reload` in development.

Read: Django 5.2.19, Django 6.0.10, Django 6.1.3 (utils/autoreload.py).
Relies on:
    django.utils.autoreload.StatReloader: SLEEP_TIME
    django.utils.autoreload.StatReloader.snapshot_files: `yield file, mtime`
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.utils.autoreload import StatReloader


def watch(changed: Callable[[str], None]) -> None:
    """Call `changed` once, from a thread, with the first file of the code that changes."""
    threading.Thread(target=_watch, args=(changed,), name="reload", daemon=True).start()


def _watch(changed: Callable[[str], None]) -> None:
    times: dict[str, float] = {}
    reloader = StatReloader()
    pause = threading.Event()
    while True:
        for path, modified in reloader.snapshot_files():
            known = times.setdefault(str(path), modified)
            if modified > known:
                changed(str(path))
                return
        pause.wait(StatReloader.SLEEP_TIME)
