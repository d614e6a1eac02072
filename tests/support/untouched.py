"""Run in a host project's own process: what Bus changes of others while it is loaded and served.

Prints what differs, line by line.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

# What hosts and servers are made of; each is imported before Bus comes.
OTHERS = """
asgiref.local asgiref.sync asyncio.base_events asyncio.events asyncio.runners asyncio.tasks
channels.auth channels.consumer channels.db channels.generic.http channels.generic.websocket
channels.layers channels.middleware channels.routing channels.security.websocket channels.sessions
channels.testing.websocket channels.utils channels.worker
django.conf django.core.asgi django.core.cache django.core.checks django.core.handlers.asgi
django.core.handlers.base django.core.handlers.exception django.core.mail django.core.management
django.core.signals django.core.wsgi django.contrib.auth.hashers
django.contrib.sessions.middleware django.contrib.staticfiles.handlers
django.contrib.staticfiles.storage django.db django.db.backends.base.base
django.db.backends.sqlite3.base django.db.models.base django.db.models.query django.db.transaction
django.db.utils django.dispatch.dispatcher django.http django.http.request django.http.response
django.middleware.common django.middleware.csrf django.middleware.locale django.middleware.security
django.shortcuts django.template.base django.template.engine django.template.loader
django.test.client django.urls.base django.urls.resolvers django.utils.autoreload
django.utils.functional django.utils.log django.utils.translation.trans_real
django.views.decorators.csrf django.views.defaults
uvicorn.config uvicorn.main uvicorn.server
""".split()  # noqa: SIM905 - shorter so
# Set by Django itself as it is set up: the app registry says which classes are whose.
OF_DJANGO = {"DoesNotExist", "MultipleObjectsReturned"}


def attributes(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What a module defines: functions and classes, and what is in them."""
    for name, found in vars(module).items():
        if isinstance(found, type) and found.__module__ == module.__name__:
            for inner, part in vars(found).items():
                if (callable(part) or hasattr(part, "__get__")) and inner not in OF_DJANGO:
                    yield f"{module.__name__}.{name}.{inner}", part
        if callable(found):
            yield f"{module.__name__}.{name}", found


def process() -> dict[str, Any]:
    """What a process has that is not in modules."""
    root = logging.getLogger()
    return {
        "root's handlers": list(root.handlers),
        "root's level": root.level,
        "the class of loggers": logging.getLoggerClass(),
        "SIGTERM": signal.getsignal(signal.SIGTERM),
        "SIGINT": signal.getsignal(signal.SIGINT),
        "gc": (gc.get_threshold(), gc.get_freeze_count()),
        "excepthook": (sys.excepthook, threading.excepthook),
        "event loop policy": type(asyncio.get_event_loop_policy()),
        "warnings": [line for line in warnings.filters if "bus" in str(line)],
    }


def serve() -> None:
    """Bring Bus in as the host does, and begin to serve and to work."""
    from django.core.management import call_command
    from django.test import Client

    application = importlib.import_module("mysite.asgi").application
    call_command("migrate", verbosity=0)
    assert Client(headers={"host": "localhost"}).get("/live/chat/").status_code == 200
    call_command("check")
    from bus.management.commands.runworker import Command, _tune

    worker = Command()
    worker.prepare(["moderation"])
    _tune()

    async def start() -> None:
        heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        running = asyncio.create_task(application({"type": "lifespan"}, heard.get, said.put))
        for step in ("startup", "shutdown"):
            heard.put_nowait({"type": f"lifespan.{step}"})
            assert (await said.get())["type"] == f"lifespan.{step}.complete"
        await running

    asyncio.run(start())


def main() -> None:
    """Compare before with after."""
    import django

    modules = [importlib.import_module(name) for name in OTHERS]
    # Who is asked for the first time sets this up by himself.
    asyncio.get_event_loop_policy()
    of_process = process()
    before = {name: found for module in modules for name, found in attributes(module)}
    django.setup()
    # Django has configured the host's own logging by now.
    from django.db import connections

    of_process |= {name: value for name, value in process().items() if name.startswith("root")}
    of_process["DATABASES"] = repr(connections.settings)
    serve()
    after = {name: found for module in modules for name, found in attributes(module)}
    for name, found in before.items():
        if after.get(name) is not found:
            print(name)
    for name, value in {**process(), "DATABASES": repr(connections.settings)}.items():
        if value != of_process[name]:
            print(name)


if __name__ == "__main__":
    main()
