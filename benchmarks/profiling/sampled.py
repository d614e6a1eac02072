"""Runs a program under the sampler: `python sampled.py LIBRARY CONTROL -m module …` or `script …`.

The program is that of the working directory, whichever tree this file is of. Through the pipe
CONTROL it is told `begin` and `end PATH`, and writes to PATH what was sampled between the two.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import runpy
import select
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Of processor time, in ns, between two samples of a thread; the kernel looks once a tick.
INTERVAL = 4_000_000
# Between two looks for new threads, in seconds.
_LOOK = 0.1
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+[\"`]?(\w+)", re.IGNORECASE)


class Control(threading.Thread):
    """Begins and ends the sampling as it is told."""

    def __init__(self, library: str, pipe: str) -> None:
        super().__init__(name="sampler", daemon=True)
        self._pipe = pipe
        self._library = ctypes.CDLL(library)
        self._library.sampler_watch.argtypes = [ctypes.c_int, ctypes.c_long]
        self._watched: set[int] = set()
        self.sampling = threading.Event()
        if self._library.sampler_prepare():
            raise OSError("the sampler cannot take the signal of its timers")

    def run(self) -> None:
        """Take lines until the pipe is closed for good."""
        # Open for writing, too, so that it has no end between two who write.
        descriptor = os.open(self._pipe, os.O_RDWR)
        began = 0.0
        with os.fdopen(descriptor) as pipe:
            while True:
                if not select.select([pipe], [], [], _LOOK if self.sampling.is_set() else None)[0]:
                    self._watch()
                    continue
                command, _, path = pipe.readline().strip().partition(" ")
                if command == "begin":
                    self._watch()
                    began = processor_seconds()
                    self._library.sampler_begin()
                    self.sampling.set()
                elif command == "end":
                    self._library.sampler_end()
                    used = processor_seconds() - began
                    self.sampling.clear()
                    self._library.sampler_write(f"{path}.samples".encode())
                    draft = Path(f"{path}.draft")
                    draft.write_text(json.dumps({"cpu": used, "interval": INTERVAL / 1e9}))
                    draft.replace(path)

    def _watch(self) -> None:
        for task in os.listdir("/proc/self/task"):
            if int(task) not in self._watched:
                self._watched.add(int(task))
                self._library.sampler_watch(int(task), INTERVAL)


def processor_seconds() -> float:
    """What the kernel says that this process has used, in user and kernel, in seconds."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def name_statements() -> None:
    """Have each statement run in a function of its kind's name, which samples then show."""
    from django.db.backends.signals import connection_created

    kinds: dict[str, Callable[..., Any]] = {}

    def by_kind(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        kind = kinds.get(sql)
        if kind is None:
            if len(kinds) > 5_000:
                kinds.clear()
            kind = kinds[sql] = _named(_kind(sql))
        return kind(execute, sql, params, many, context)

    def watch(connection: Any, **_: Any) -> None:
        # It may be the same one, opened again.
        if by_kind not in connection.execute_wrappers:
            connection.execute_wrappers.append(by_kind)

    connection_created.connect(watch, weak=False)


def _kind(sql: str) -> str:
    words = sql.split(None, 1)
    verb = words[0].upper() if words else ""
    if verb == "WITH" and (found := re.search(r"\b(INSERT|UPDATE|DELETE)\b", sql, re.IGNORECASE)):
        verb = found[1].upper()
    if verb == "WITH":
        verb = "SELECT"
    table = _TABLE.search(sql)
    locking = " for update" if re.search(r"FOR (NO KEY )?UPDATE", sql, re.IGNORECASE) else ""
    return f"{verb} {table[1]}{locking}" if table else verb


def _named(kind: str) -> Callable[..., Any]:
    def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        return execute(sql, params, many, context)

    run.__code__ = run.__code__.replace(co_name=kind, co_filename="<statement>")
    return run


def main() -> None:
    """Start the sampler's thread and become the program."""
    library, pipe, *command = sys.argv[1:]
    # This file's own directory holds modules with the names of others.
    sys.path[0] = os.getcwd()
    Control(library, pipe).start()
    name_statements()
    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main()
