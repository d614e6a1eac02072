"""Probes: `/livez` says that this process lives, `/readyz` that everything it needs does.

Anybody may ask, and is told the names of the checks and whether each is ok. What is wrong, which
may name our servers, is told to staff and to who shows BUS_PROBE_SECRET; and it is in the log.
"""

from __future__ import annotations

import logging
from typing import ClassVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils.crypto import constant_time_compare

from bus.api.auth import may, user_of
from bus.conf import conf
from bus.http import client_address
from bus.messaging import operations, throttle
from bus.protocol.channel_names import WORKED_CHANNELS
from bus.protocol.errors import BusError, RateLimited, Unauthenticated
from bus.servers.django import mark_as_logged

logger = logging.getLogger(__name__)

# What staff need to be told what is wrong.
PERMISSION = "bus.view_channel"


async def livez(_request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"ok": True})


async def readyz(request: HttpRequest) -> JsonResponse:
    """Database, migrations, broker and workers; 503 where one is missing."""
    troubles = await _troubles()
    _note(troubles)
    ok = not any(troubles.values())
    detailed = not ok and await _may_know(request)
    checks = {
        name: (trouble if detailed else "failed") if trouble else "ok"
        for name, trouble in troubles.items()
    }
    response = JsonResponse({"ok": ok, "checks": checks}, status=200 if ok else 503)
    # Noted already; Django would log each probe that fails as an error.
    mark_as_logged(response)
    return response


async def _troubles() -> dict[str, str]:
    """Each check, and what is wrong and what to do; "" where nothing is."""
    found = {"database": await sync_to_async(_database)()}
    try:
        faults = await operations.broker_faults()
        found["broker"] = " ".join(fault.text for fault in faults if fault.grave)
        _note_warnings([fault.text for fault in faults if not fault.grave])
        workers = await operations.troubles(WORKED_CHANNELS)
        found |= {f"workers of {channel}": trouble for channel, trouble in workers.items()}
    except BusError as error:
        found["broker"] = f"{error} Check REDIS_URL, or start everything with `make run`."
    return found


async def _may_know(request: HttpRequest) -> bool:
    """Whether who asks is one of us; where the database is away, by the secret alone."""
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await _knows_secret(request, shown.strip())
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    try:
        user = await user_of(request)
        return getattr(user, "is_staff", False) and await may(user, PERMISSION)
    except (DatabaseError, InterfaceError):
        return False


async def _knows_secret(request: HttpRequest, shown: str) -> bool:
    async def check() -> bool:
        if not constant_time_compare(shown, conf.probe_secret):
            raise Unauthenticated
        return True

    if not conf.probe_secret:
        return False
    try:
        address = client_address.of_request(request).address
        return await throttle.prove("probe", conf.secret_rate, address, shown, check)
    except (Unauthenticated, RateLimited):
        return False


class _Noted:
    """What the log was told last."""

    troubles = ""
    warnings: ClassVar[list[str]] = []


def _note_warnings(warnings: list[str]) -> None:
    """Say what only a crash would make a loss of, once for each change of it."""
    if warnings != _Noted.warnings:
        _Noted.warnings = warnings
        for warning in warnings:
            logger.warning("%s", warning)


def _note(troubles: dict[str, str]) -> None:
    """Say in the log what is wrong, once for each change of it."""
    wrong = "; ".join(f"{name}: {trouble}" for name, trouble in troubles.items() if trouble)
    if wrong != _Noted.troubles:
        if wrong:
            logger.warning("Not ready: %s", wrong)
        else:
            logger.info("Ready again.")
        _Noted.troubles = wrong


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InterfaceError) as error:
        return f"it does not answer ({error}): check DATABASE_URL"
    if missing:
        return f"{len(missing)} migrations are missing: run `python manage.py migrate`"
    return ""
