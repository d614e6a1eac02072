"""Probes: `/livez` says that this process lives, `/readyz` that everything it needs does."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from bus import publisher
from bus.errors import BusError
from bus.names import WORKED_CHANNELS


async def livez(_request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"ok": True})


async def readyz(_request: HttpRequest) -> JsonResponse:
    """Database, migrations, broker and workers; 503 and what to do where one is missing."""
    checks = {"database": await sync_to_async(_database)()}
    try:
        troubles = await publisher.troubles(WORKED_CHANNELS)
        checks["broker"] = "ok"
        for channel, trouble in troubles.items():
            checks[f"workers of {channel}"] = trouble or "ok"
    except BusError as error:
        checks["broker"] = f"{error.text} Check REDIS_URL, or start everything with `make run`."
    ok = all(state == "ok" for state in checks.values())
    return JsonResponse({"ok": ok, "checks": checks}, status=200 if ok else 503)


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return f"it does not answer ({error}): check DATABASE_URL"
    if missing:
        return f"{len(missing)} migrations are missing: run `python manage.py migrate`"
    return "ok"
