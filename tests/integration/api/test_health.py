"""Probes: anybody reads which checks fail, and only our own people read why."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.test import AsyncClient
from pytest_django.fixtures import Settings

from bus.api import health
from bus.conf.environment import from_environment
from tests.support.api_caller import lose_broker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]

SECRET = "a secret that is long enough"
DRIVER = 'connection to server at "db.internal" (10.1.2.3), port 5432 failed'


@pytest.fixture
def away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither database nor broker answers, and their drivers say where they are."""

    def fail(*_args: object) -> None:
        raise OperationalError(DRIVER)

    monkeypatch.setattr(health, "MigrationExecutor", fail)
    lose_broker(settings)
    settings.BUS_PROBE_SECRET = SECRET


async def ask(client: AsyncClient | None = None, shown: str = "") -> tuple[int, dict[str, Any]]:
    headers = {"authorization": shown} if shown else {}
    response = await (client or AsyncClient()).get("/readyz", headers=headers)
    return response.status_code, json.loads(response.content)


async def staff(name: str, *permissions: str) -> AsyncClient:
    user = await sync_to_async(User.objects.create_user)(name, is_staff=True)
    for codename in permissions:
        await user.user_permissions.aadd(await Permission.objects.aget(codename=codename))
    client = AsyncClient()
    await client.aforce_login(user)
    return client


@pytest.mark.asyncio
@pytest.mark.usefixtures("away")
async def test_strangers_are_told_which_checks_fail_and_not_why() -> None:
    told = (503, {"ok": False, "checks": {"database": "failed", "broker": "failed"}})
    wrong = ("Bearer wrong", "Bearer ", f"Basic {SECRET}", f"Bearer {SECRET}x", "Bearer ü")
    for shown in ("", *wrong):
        assert await ask(shown=shown) == told
    assert await ask(await staff("ann")) == told
    member = AsyncClient()
    await member.aforce_login(await sync_to_async(User.objects.create_user)("bob"))
    assert await ask(member) == told


@pytest.mark.asyncio
@pytest.mark.usefixtures("away")
async def test_our_own_people_are_told_why() -> None:
    for client, shown in (
        (AsyncClient(), f"Bearer {SECRET}"),
        (await staff("ann", "view_channel"), ""),
    ):
        status, answer = await ask(client, shown)
        assert status == 503
        assert DRIVER in answer["checks"]["database"]
        assert "gone.sock" in answer["checks"]["broker"]


@pytest.mark.asyncio
@pytest.mark.usefixtures("away")
async def test_without_a_secret_none_is_right(settings: Settings) -> None:
    settings.BUS_PROBE_SECRET = ""
    for shown in ("Bearer", "Bearer ", f"Bearer {SECRET}"):
        assert (await ask(shown=shown))[1]["checks"]["database"] == "failed"


@pytest.mark.asyncio
async def test_whose_session_cannot_be_read_is_a_stranger(
    away: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await staff("ann", "view_channel")

    async def fail(*_args: object) -> None:
        raise OperationalError(DRIVER)

    monkeypatch.setattr("django.contrib.auth.middleware.auser", fail)
    assert (await ask(client))[1]["checks"]["database"] == "failed"


@pytest.mark.asyncio
async def test_a_missing_worker_is_named_and_how_to_start_it_is_not() -> None:
    status, answer = await ask()
    failed = {"workers of moderation": "failed", "workers of broadcast": "failed"}
    assert (status, answer["checks"]) == (503, {"database": "ok", "broker": "ok", **failed})


@pytest.mark.asyncio
@pytest.mark.usefixtures("away")
async def test_the_log_says_what_is_wrong_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health._Noted, "troubles", "")
    for _ in range(3):
        await ask()
    (record,) = [record for record in caplog.records if record.name == health.__name__]
    assert DRIVER in record.getMessage()


@pytest.mark.asyncio
async def test_livez_says_that_the_process_answers_and_no_more() -> None:
    assert json.loads((await AsyncClient().get("/livez")).content) == {"ok": True}


def test_a_short_secret_is_refused_and_not_shown() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        from_environment({"BUS_PROBE_SECRET": "hunter2"})
    assert "16 characters" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert from_environment({"BUS_PROBE_SECRET": SECRET}) == {"BUS_PROBE_SECRET": SECRET}
