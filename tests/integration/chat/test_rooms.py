"""Rooms that come into being by a join, and by nothing else; and rooms that nobody may know of."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings
from websockets.asyncio.client import connect

from bus.models import Member, Room, Sanction
from tests.support.wait import PATIENCE
from tests.support.web_server import address, close_code, cookies_of, headers_of, session, signed_in

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]

PATHS = [
    "/", "/chat/", "/chat/?q=new", "/chat/new/", "/chat/secret/", "/accounts/login/",
    "/accounts/signup/", "/accounts/logout/", "/admin/", "/admin/bus/room/", "/admin/logout/",
    "/api/v1/docs", "/api/v1/openapi.json", "/api/v1/channels", "/api/v1/channels/new",
    "/livez", "/readyz", "/nowhere",
]  # fmt: skip


@pytest.fixture(autouse=True)
def open_rooms(settings: Settings) -> None:
    settings.BUS_OPEN_ROOMS = True


@pytest_asyncio.fixture
async def mina() -> AsyncIterator[User]:
    yield await User.objects.acreate(username="mina")


def stored() -> dict[str, list[Any]]:
    models = apps.get_models(include_auto_created=True)
    return {model._meta.label: list(model._default_manager.values_list()) for model in models}


async def plain(server: uvicorn.Server, room: str, **options: Any) -> tuple[Any, int | None]:
    """What a plain socket is told first, if anything, and what it is closed with."""
    async with connect(address(server, f"/ws/chat/{room}/"), **options) as socket:
        # Answered in any case, and after what came of the join.
        await socket.send("{}")
        told = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
        code = None if told["code"] == "invalid" else await close_code(socket)
        return told, code


# ── What stores nothing ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("signed", ["a guest", "a user", "staff"])
@pytest.mark.parametrize("method", ["get", "head"])
async def test_looking_stores_nothing(mina: User, method: str, signed: str) -> None:
    await Room.objects.acreate(name="secret", access="private")
    if signed == "staff":
        await User.objects.aupdate(is_staff=True, is_superuser=True)
    browser = Browser() if signed == "a guest" else await signed_in(mina)
    before = await sync_to_async(stored)()
    for path in PATHS:
        await sync_to_async(getattr(browser, method))(path)
    assert await sync_to_async(stored)() == before


async def test_a_foreign_page_makes_no_room(server: uvicorn.Server, mina: User) -> None:
    headers = {**await cookies_of(mina), "Origin": "https://evil.example"}
    with pytest.raises(Exception, match="403"):
        await connect(address(server, "/ws/chat/new/"), additional_headers=headers)
    strict = Browser(enforce_csrf_checks=True)
    answer = await sync_to_async(strict.post)("/chat/", {"name": "new"})
    assert answer.status_code == 403
    assert not await Room.objects.aexists()


# ── The first join ───────────────────────────────────────────────────────────────────────────────


async def test_the_first_join_makes_the_room(server: uvicorn.Server) -> None:
    async with session(server) as one:
        assert (await one.do("room.join", room="자유방", since=0))["recovered"]
    assert (await plain(server, "tutorial"))[1] is None
    rooms = [room async for room in Room.objects.values_list("name", "access")]
    assert sorted(rooms) == [("tutorial", "open"), ("자유방", "open")]


@pytest.mark.parametrize("limit", ["BUS_USER_ROOM_RATE", "BUS_ADDRESS_ROOM_RATE", "BUS_ROOM_RATE"])
async def test_only_so_many_rooms_are_made(
    server: uvicorn.Server, settings: Settings, limit: str
) -> None:
    await Room.objects.acreate(name="lobby", access="open")
    setattr(settings, limit, "2/h")
    async with session(server) as one:
        for room in ("a", "b"):
            await one.do("room.join", room=room)
        error = await one.refused("room.join", room="c")
        assert (error["code"], error["retry_after"] > 60) == ("rate_limited", True)
        # What is there costs nothing.
        for room in ("a", "lobby"):
            await one.do("room.join", room=room)
        cookie = {"Cookie": f"bus_guest={one.started['data']['token']}"}
    told, code = await plain(server, "c", additional_headers=cookie)
    assert (told["code"], told["retry_after"] > 60, code) == ("rate_limited", True, 4429)
    page = await sync_to_async(Browser(headers=cookie).get)("/chat/c/")
    assert (page.status_code, int(page["Retry-After"]) > 60) == (429, True)
    told, _ = await plain(server, "c")
    # Another guest from the same place.
    assert told["code"] == ("invalid" if limit == "BUS_USER_ROOM_RATE" else "rate_limited")


async def test_a_crowd_that_waits_for_one_new_room_makes_one(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_ROOM_RATE = "1/h"
    told = await asyncio.gather(*(plain(server, "party") for _ in range(20)))
    assert {code for _, code in told} == {None}
    assert await Room.objects.acount() == 1


async def test_who_may_not_enter_makes_no_room(server: uvicorn.Server, settings: Settings) -> None:
    settings.BUS_GUESTS = False
    assert (await plain(server, "new"))[0]["code"] == "forbidden"
    assert not await Room.objects.aexists()


# ── Rooms that nobody may know of ────────────────────────────────────────────────────────────────


async def hidden(open_rooms: bool) -> list[str]:
    """The name of a private room, of one that bans, and of none: to be told alike."""
    await Room.objects.acreate(name="secret", access="private")
    banning = await Room.objects.acreate(name="banning", access="private")
    async for user in User.objects.all():
        await Sanction.objects.acreate(room=banning, author_key=f"u{user.pk}", kind="ban")
    archived = {"archived_at": "2026-01-01T00:00Z", "slow_mode": 5, "title": "Secret"}
    await Room.objects.acreate(name="archived", access="private", **archived)
    # Where rooms are made by a visit, a private one is as a name that no room may have.
    return ["secret", "banning", "archived", "fuckers" if open_rooms else "missing"]


def alike(told: list[Any], names: list[str]) -> Any:
    """What was told of each name, with the name left out: one thing."""
    texts = [json.dumps(one).replace(name, "…") for one, name in zip(told, names, strict=True)]
    # Of the form for signing out; new on each page.
    (only,) = {re.sub(r"(csrfmiddlewaretoken\W+value=\W+)\w+", r"\1", text) for text in texts}
    return json.loads(only)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("open_rooms", [False, True])
async def test_a_private_room_looks_like_none(
    server: uvicorn.Server, settings: Settings, mina: User, signed: bool, open_rooms: bool
) -> None:
    settings.BUS_OPEN_ROOMS = open_rooms
    names = await hidden(open_rooms)
    browser = await signed_in(mina) if signed else Browser()
    headers = headers_of(browser)

    pages = [await sync_to_async(browser.get)(f"/chat/{name}/") for name in names]
    assert {page.status_code for page in pages} == {404}
    assert "There is no such room" in alike([page.content.decode() for page in pages], names)
    assert len({(*page.headers, *page.cookies) for page in pages}) == 1

    told = [await plain(server, name, additional_headers=headers) for name in names]
    assert alike(told, names)[0]["code"] == "not_found"

    async with session(server, additional_headers=headers) as one:
        joins = [await one.refused("room.join", room=name) for name in names]
        assert alike(joins, names)["code"] == "not_found"
        for kind, data in [
            ("history.list", {}),
            ("message.send", {"body": "hi", "client_id": "c"}),
            ("message.report", {"id": "1", "reason": "x"}),
            ("typing.start", {}),
        ]:
            refusals = [await one.refused(kind, room=name, **data) for name in names]
            assert alike(refusals, names)["code"] == "not_member"


async def test_a_private_room_costs_as_much_as_none(settings: Settings, mina: User) -> None:
    settings.BUS_OPEN_ROOMS = False
    names = await hidden(False)
    browser = await signed_in(mina)

    def cost(name: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            browser.get(f"/chat/{name}/")
        return len(asked)

    assert len({await sync_to_async(cost)(name) for name in names}) == 1


async def test_a_member_learns_that_they_are_banned(server: uvicorn.Server, mina: User) -> None:
    room = await Room.objects.acreate(name="secret", access="private")
    await Member.objects.acreate(room=room, user=mina)
    await Sanction.objects.acreate(room=room, author_key=f"u{mina.pk}", kind="ban")
    async with session(server, additional_headers=await cookies_of(mina)) as one:
        assert (await one.refused("room.join", room="secret"))["code"] == "banned"


async def test_a_sanction_in_a_room_that_one_may_not_know_of_is_not_told(
    server: uvicorn.Server, mina: User
) -> None:
    secret = await Room.objects.acreate(name="secret", access="private")
    lobby = await Room.objects.acreate(name="lobby", access="public")
    async with session(server, additional_headers=await cookies_of(mina)) as one:
        await one.do("room.join", room="lobby")
        for room in (secret, lobby):
            await sync_to_async(Sanction.objects.create)(
                room=room, author_key=f"u{mina.pk}", kind="mute"
            )
        assert (await one.event("member.changed"))["room"] == "lobby"
        # What was told with it is here before the answer.
        await one.do("session.ping")
        assert [item for item in one.inbox if item.get("room") == "secret"] == []
