"""New accounts, new guests, wrong keys and wrong tokens: so many from one address, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from websockets.asyncio.client import connect

from bus.chat import api_keys, tokens
from bus.http.guest_cookie import GUEST_COOKIE
from bus.messaging import throttle
from bus.models import Room
from config.conf import conf
from tests.support.api_caller import refused
from tests.support.web_server import address, close_code, session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]

HERE, THERE = "203.0.113.5", "2001:db8:5:6::1"


@pytest.fixture(autouse=True)
def proxy_is_named(settings: Any) -> None:
    settings.BUS_TRUSTED_PROXIES = ["127.0.0.1"]
    throttle._proven.clear()


def told(place: str) -> dict[str, str]:
    """The header by which the proxy tells where somebody comes from."""
    return {"X-Forwarded-For": place}


def sign_up(name: str, place: str) -> Any:
    fields = {"username": name, "password1": "a-good-pass-1", "password2": "a-good-pass-1"}
    return Client(headers=told(place)).post("/accounts/signup/", fields)


def test_twelve_accounts_in_four_seconds_are_two_too_many(settings: Any) -> None:
    assert conf.sign_up_pace == "10/min"
    # As many, however slow this machine is.
    settings.BUS_SIGN_UP_PACE = "10/h"
    codes = [sign_up(f"name{n}", HERE).status_code for n in range(12)]
    assert codes == [302] * 10 + [429] * 2
    assert User.objects.count() == 10
    assert 0 < int(sign_up("again", HERE)["Retry-After"]) <= 360
    # What is wrong with a form is said as ever, and counts nothing.
    assert sign_up("name0", HERE).status_code == 200
    assert sign_up("elsewhere", THERE).status_code == 302


def test_a_class_gets_in_one_after_the_other_and_a_farm_does_not(settings: Any) -> None:
    settings.BUS_SIGN_UP_PACE, settings.BUS_SIGN_UP_RATE = "2/s", "5/h"
    waits = [sign_up(f"name{n}", HERE).headers.get("Retry-After") for n in range(3)]
    assert waits[:2] == [None, None]
    settings.BUS_SIGN_UP_PACE = "0"
    codes = [sign_up(f"pupil{n}", HERE).status_code for n in range(6)]
    assert (codes[:2], codes[-2:]) == ([302, 302], [429, 429])


async def _call(secret: str, place: str = HERE) -> Any:
    return await AsyncClient().get(
        "/api/v1/channels", headers={"authorization": f"Bearer {secret}", **told(place)}
    )


@pytest.mark.asyncio
async def test_wrong_keys_are_stopped_and_right_ones_are_not() -> None:
    _, used = await sync_to_async(api_keys.create)("used there before")
    _, fresh = await sync_to_async(api_keys.create)("never used there")
    assert (await _call(used)).status_code == 200
    wrong = [f"{used[:-48]}{n:048x}" for n in range(100)]
    codes = [(await _call(key)).status_code for key in wrong]
    assert codes == [401] * 60 + [429] * 40
    # Without a look at it, and with word of when.
    error = refused(await _call(fresh), "rate_limited")
    assert 0 < error["retry_after"] <= 60
    assert (await _call(fresh))["Retry-After"]
    assert (await _call(used)).status_code == 200
    # By whichever process.
    throttle._proven.clear()
    assert (await _call(used)).status_code == 200
    assert (await _call(fresh, THERE)).status_code == 200


@pytest.mark.asyncio
async def test_a_key_that_was_right_and_is_revoked_counts_as_wrong(settings: Any) -> None:
    settings.BUS_SECRET_RATE = "2/h"
    key, secret = await sync_to_async(api_keys.create)("ci")
    for _ in range(10):
        assert (await _call(secret)).status_code == 200
    await sync_to_async(api_keys.revoke)(key.prefix)
    codes = [(await _call(secret)).status_code for _ in range(4)]
    assert codes == [401, 401, 429, 429]
    assert not await throttle.is_marked(f"key:{HERE}:{throttle.digest(secret)}")


@pytest.mark.asyncio
async def test_wrong_tokens_are_stopped_and_right_ones_are_not(
    server: uvicorn.Server, settings: Any
) -> None:
    settings.BUS_SECRET_RATE = "5/h"
    mina = await sync_to_async(User.objects.create_user)("mina")
    good = await sync_to_async(tokens.for_user)(mina.pk, ttl=60)

    async def show(token: str, place: str = HERE) -> Any:
        async with session(server, additional_headers=told(place)) as one:
            reply = await one.ask("session.authenticate", token=token)
            return "ok" if reply["ok"] else reply["error"]

    assert await show(good) == "ok"
    errors = [await show(wrong) for wrong in ["a.b.c", "g:x:y", good[:-2], "", "x", "z"]]
    codes = [error["code"] for error in errors]
    assert codes == ["unauthenticated"] * 5 + ["rate_limited"]
    assert 0 < errors[-1]["retry_after"] <= 720
    assert await show(good) == "ok"
    assert await show(good, THERE) == "ok"


@pytest.mark.asyncio
async def test_a_class_comes_in_with_tokens_at_once_whatever_one_of_it_has_shown_before(
    server: uvicorn.Server, settings: Any
) -> None:
    settings.BUS_SECRET_RATE = "3/h"

    @sync_to_async
    def tokens_of_a_class() -> list[str]:
        pupils = [User.objects.create_user(f"pupil{number}") for number in range(12)]
        return [tokens.for_user(pupil.pk, ttl=60) for pupil in pupils]

    async def show(token: str) -> str:
        async with session(server, additional_headers=told(HERE)) as one:
            reply = await one.ask("session.authenticate", token=token)
            return "ok" if reply["ok"] else reply["error"]["code"]

    fresh = await tokens_of_a_class()
    codes = [await show(f"{fresh[0][:-3]}{number:03}") for number in range(5)]
    assert codes == ["unauthenticated"] * 3 + ["rate_limited"] * 2
    assert await asyncio.gather(*map(show, fresh)) == ["ok"] * 12


@pytest.mark.asyncio
async def test_new_guests_are_so_many_from_one_address_and_known_ones_are_not_counted(
    server: uvicorn.Server, settings: Any
) -> None:
    settings.BUS_GUEST_RATE = "3/h"
    await Room.objects.acreate(name="lobby", access="open")
    head = told(HERE)
    async with contextlib.AsyncExitStack() as stack:
        guests = [
            await stack.enter_async_context(session(server, additional_headers=head))
            for _ in range(4)
        ]
        for guest in guests[:3]:
            await guest.do("room.join", room="lobby")
        known = guests[0].started["data"]["token"]
        # One too many: it has no name to come back with, hears when, and is closed to come back.
        late = guests[3]
        assert late.started["data"].get("token") is None
        assert "set-cookie" not in late.socket.response.headers
        await late.do("session.ping")
        error = await late.refused("room.join", room="lobby")
        assert (error["code"], 0 < error["retry_after"] <= 1200) == ("rate_limited", True)
        assert await close_code(late.socket) == 4429
    plain = address(server, "/ws/chat/lobby/")
    async with connect(plain, additional_headers=head) as socket:
        assert json.loads(await socket.recv())["code"] == "rate_limited"
        assert await close_code(socket) == 4429
    # Whoever was here before, by cookie or by token, is let in; and whoever comes from elsewhere.
    cookie = {"Cookie": f"{GUEST_COOKIE}={known}"}
    for _ in range(20):
        async with session(server, additional_headers=head | cookie) as one:
            await one.do("room.join", room="lobby")
    async with session(server, additional_headers=head) as one:
        await one.do("session.authenticate", token=known)
        await one.do("room.join", room="lobby")
    async with session(server, additional_headers=told(THERE)) as one:
        await one.do("room.join", room="lobby")


def test_a_page_makes_no_more_guests_than_a_socket(settings: Any) -> None:
    settings.BUS_GUEST_RATE = "3/h"
    Room.objects.create(name="lobby", access="open")
    same = Client(headers=told(HERE))
    assert [same.get("/chat/lobby/").status_code for _ in range(9)] == [200] * 9
    pages = [Client(headers=told(HERE)).get("/chat/lobby/") for _ in range(4)]
    assert [page.status_code for page in pages] == [200, 200, 429, 429]
    assert "bus_guest" not in pages[-1].cookies
    assert Client(headers=told(THERE)).get("/chat/lobby/").status_code == 200


@pytest.mark.asyncio
async def test_the_sockets_of_an_address_count_behind_a_named_proxy(
    server: uvicorn.Server, settings: Any
) -> None:
    settings.BUS_ADDRESS_CONNECTIONS = 2
    async with contextlib.AsyncExitStack() as stack:
        for n in range(2):
            head = told(f"2001:db8:1:2::{n}")
            await stack.enter_async_context(session(server, additional_headers=head))
        third = await stack.enter_async_context(
            connect(address(server, "/ws/"), additional_headers=told("2001:db8:1:2::9"))
        )
        assert await close_code(third) == 4429
        await stack.enter_async_context(session(server, additional_headers=told(HERE)))
        # Processes of this machine, which no proxy tells of, are no strangers.
        for _ in range(4):
            await stack.enter_async_context(session(server))


@pytest.mark.asyncio
async def test_the_secret_of_probes_is_guessed_at_no_more_than_keys_are(settings: Any) -> None:
    settings.BUS_SECRET_RATE, settings.BUS_PROBE_SECRET = "5/h", "a secret that is long enough"

    async def is_told(secret: str, place: str = HERE) -> bool:
        headers = {"authorization": f"Bearer {secret}", **told(place)}
        checks = json.loads((await AsyncClient().get("/readyz", headers=headers)).content)["checks"]
        return bool(checks["workers of moderation"] != "failed")

    assert await is_told(settings.BUS_PROBE_SECRET)
    assert not any([await is_told(f"wrong-{n}") for n in range(6)])
    assert await is_told(settings.BUS_PROBE_SECRET)
    assert not any([await is_told(f"wrong-{n}", THERE) for n in range(6)])
    assert not await is_told(settings.BUS_PROBE_SECRET, THERE)
