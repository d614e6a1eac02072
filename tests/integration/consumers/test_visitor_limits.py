"""What one user may have and do: sockets, joins, messages; over it, a refusal with a time."""

import contextlib

import pytest
import uvicorn
from pytest_django import Settings
from websockets.asyncio.client import connect

from bus.consumers.web_process import current
from bus.models import Room
from tests.support.wait import until_async
from tests.support.web_server import address, close_code, session

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


async def test_a_user_has_so_many_sockets_and_no_more(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_USER_CONNECTIONS = 2
    async with session(server) as one:
        token = one.started["data"]["token"]
        cookie = {"Cookie": one.socket.response.headers["set-cookie"].split(";")[0]}
        async with session(server, additional_headers=cookie):
            async with connect(
                address(server, "/ws/chat/lobby/"), additional_headers=cookie
            ) as third:
                assert await close_code(third) == 4429
            async with session(server) as other:
                await other.send(
                    {"ref": "1", "type": "session.authenticate", "data": {"token": token}}
                )
                assert await close_code(other.socket) == 4429
        await until_async(lambda: len(current().connections) == 1)
        async with session(server, additional_headers=cookie) as again:
            await again.do("session.ping")


async def test_who_joins_and_leaves_in_a_loop_is_told_to_wait(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_JOIN_RATE, settings.BUS_JOIN_LIMIT = 0.1, 5
    await Room.objects.acreate(name="lobby", access="open")
    async with session(server) as one:
        for _ in range(20):
            await one.do("room.join", room="lobby")
            await one.do("room.leave", room="lobby")
        error = await one.refused("room.join", room="lobby")
        assert (error["code"], 5 < error["retry_after"] <= 10) == ("rate_limited", True)


async def test_a_user_in_many_tabs_has_one_pace(server: uvicorn.Server, settings: Settings) -> None:
    settings.BUS_USER_SEND_RATE, settings.BUS_SEND_BURST = 0.1, 2
    await Room.objects.acreate(name="lobby", access="open")
    async with contextlib.AsyncExitStack() as stack:
        one = await stack.enter_async_context(session(server))
        cookie = {"Cookie": one.socket.response.headers["set-cookie"].split(";")[0]}
        tabs = [one] + [
            await stack.enter_async_context(session(server, additional_headers=cookie))
            for _ in range(3)
        ]
        for tab in tabs:
            await tab.do("room.join", room="lobby")
        for number in range(6):
            await tabs[number % 3].say("lobby", f"message {number}")
        error = await tabs[3].refused(
            "message.send", room="lobby", body="one too many", client_id="x"
        )
        assert (error["code"], error["retry_after"] > 1) == ("rate_limited", True)
