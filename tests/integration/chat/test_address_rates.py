"""Guests from one address share what so many persons may do: a new cookie is no new allowance."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings
from websockets.asyncio.client import ClientConnection, connect

from bus.models import Room
from tests.support.wait import PATIENCE
from tests.support.web_server import Client, address, cookies_of, serving, session

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]

# What is counted by address outlives a test.
_numbers = itertools.count(1)


@pytest_asyncio.fixture
async def server(broker: str, settings: Settings) -> AsyncIterator[uvicorn.Server]:
    settings.BUS_TRUSTED_PROXIES = ["127.0.0.1"]
    settings.BUS_ADDRESS_RATE, settings.BUS_PLAIN_SEND_RATE = 2, 10
    await Room.objects.acreate(name="lobby", access="open")
    async with serving() as running:
        yield running


@pytest.fixture
def home() -> str:
    return f"198.51.100.{next(_numbers)}"


@contextlib.asynccontextmanager
async def guest(server: uvicorn.Server, place: str, **headers: str) -> AsyncIterator[Client]:
    """Somebody without a guest's cookie, in the lobby."""
    headers |= {"X-Forwarded-For": place} if place else {}
    async with session(server, additional_headers=headers) as client:
        await client.do("room.join", room="lobby")
        yield client


async def told(plain: ClientConnection) -> Any:
    """What a plain socket hears next."""
    return json.loads(await asyncio.wait_for(plain.recv(), PATIENCE))


async def sends(server: uvicorn.Server, place: str, **headers: str) -> str:
    """What a new guest is told who sends a message: "" where it is taken."""
    async with guest(server, place, **headers) as client:
        reply = await client.ask("message.send", room="lobby", body="hi", client_id="1")
        if reply["ok"]:
            return ""
        assert reply["error"]["retry_after"] > 0
        return str(reply["error"]["code"])


async def test_messages_of_guests_from_one_address(
    server: uvicorn.Server, settings: Settings, home: str
) -> None:
    settings.BUS_USER_SEND_RATE, settings.BUS_SEND_BURST = 0.001, 1
    mina, elsewhere = await sync_to_async(User.objects.create_user)("mina"), "192.0.2.1"
    # Three at once are one person's, and here two persons may write.
    assert [await sends(server, home) for _ in range(8)] == [""] * 6 + ["rate_limited"] * 2
    url = address(server, "/ws/chat/lobby/")
    async with connect(url, additional_headers={"X-Forwarded-For": home}) as plain:
        await plain.send(json.dumps({"message": "hi"}))
        assert (await told(plain))["code"] == "rate_limited"
    # Others are not meant: from elsewhere, who is signed in, and this machine's own.
    assert await sends(server, elsewhere) == ""
    assert await sends(server, home, **await cookies_of(mina)) == ""
    assert [await sends(server, "") for _ in range(8)] == [""] * 8


async def test_edits_count_and_an_ipv6_network_is_one_address(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_USER_SEND_RATE, settings.BUS_SEND_BURST = 0.001, 1
    codes = [await sends(server, f"2001:db8:7:7::{n}") for n in range(1, 8)]
    assert codes == [""] * 6 + ["rate_limited"]
    async with guest(server, "2001:db8:7:7::aaaa") as one:
        error = await one.refused("message.edit", room="lobby", id="1", body="x")
        assert error["code"] == "rate_limited"
    assert await sends(server, "2001:db8:7:8::1") == ""


async def test_joins_of_guests_from_one_address(
    server: uvicorn.Server, settings: Settings, home: str
) -> None:
    settings.BUS_JOIN_RATE, settings.BUS_JOIN_LIMIT = 0.001, 1
    headers = {"X-Forwarded-For": home}
    # Twice twelve.
    for _ in range(2):
        async with session(server, additional_headers=headers) as one:
            for _ in range(12):
                await one.do("room.join", room="lobby")
            await one.refused("room.join", room="lobby")
    async with session(server, additional_headers=headers) as one:
        assert (await one.refused("room.join", room="lobby"))["code"] == "rate_limited"
    async with connect(address(server, "/ws/chat/lobby/"), additional_headers=headers) as plain:
        assert (await told(plain))["code"] == "rate_limited"


@pytest.mark.parametrize(
    ("kind", "most", "more"),
    [("message.report", 50, {"id": "1"}), ("typing.start", 200, {})],
)
async def test_reports_and_signs_of_typing_have_a_pace(
    server: uvicorn.Server,
    settings: Settings,
    home: str,
    kind: str,
    most: int,
    more: dict[str, str],
) -> None:
    settings.BUS_SEND_BURST = 10_000
    refused = 0
    for _ in range(3):
        async with guest(server, home) as one:
            codes = []
            for _ in range(most + 20):
                reply = await one.ask(kind, room="lobby", **more)
                codes.append("" if reply["ok"] else reply["error"]["code"])
            refused += codes.count("rate_limited")
            assert "rate_limited" in codes
    # The third guest has next to nothing left of what is for two.
    assert refused >= most
