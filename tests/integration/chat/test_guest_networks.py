"""A guest who drops the cookie is a new guest, and what was imposed holds where they come from."""

import contextlib
import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
import uvicorn
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings
from websockets.asyncio.client import connect

from bus.chat import guest_networks
from bus.enforcement import room_policies, sanctions
from bus.models import GuestNetwork, Message, Room, Sanction, SanctionNetwork
from bus.moderation import POLICIES, judge
from bus.posting import settle
from bus.posting.settle import Submission
from bus.protocol.channel_messages import MessageSubmitted
from tests.support.factories import GUEST, REJECTED
from tests.support.wait import until_async
from tests.support.web_server import Client, address, cookies_of, session

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest_asyncio.fixture(autouse=True)
async def lobby(settings: Settings) -> None:
    settings.BUS_TRUSTED_PROXIES = ["127.0.0.1"]
    await Room.objects.acreate(name="lobby", access="open")


@contextlib.asynccontextmanager
async def guest(
    moderated_server: uvicorn.Server, place: str, **headers: str
) -> AsyncIterator[Client]:
    """A guest without a cookie, who comes from there."""
    headers |= {"X-Forwarded-For": place} if place else {}
    async with session(moderated_server, additional_headers=headers) as client:
        yield client


def key_of(client: Client) -> str:
    return str(client.started["data"]["user"]["id"])


async def impose(client: Client, kind: str, minutes: int | None = None) -> Sanction:
    """Sanction the guest as a moderator does, once it is known where they come from."""
    key = key_of(client)
    await until_known(key)
    room = await Room.objects.aget(name="lobby")
    return await sync_to_async(sanctions.impose)(room, key, kind, minutes=minutes)


async def until_known(*keys: str) -> None:
    rows = GuestNetwork.objects.filter(author_key__in=keys)
    await until(rows.acount, len(keys))


async def until(asked: Callable[[], Awaitable[object]], answer: object) -> None:
    """Wait until the database answers so."""

    async def answers_so() -> bool:
        return await asked() == answer

    await until_async(answers_so)


async def joins(moderated_server: uvicorn.Server, place: str, **headers: str) -> str:
    """What a new guest from there is told: "" where they are let in and may write."""
    async with guest(moderated_server, place, **headers) as client:
        reply = await client.ask("room.join", room="lobby")
        if not reply["ok"]:
            return str(reply["error"]["code"])
        reply = await client.ask("message.send", room="lobby", body="hi", client_id="1")
        return "" if reply["ok"] else str(reply["error"]["code"])


@pytest.mark.parametrize(("kind", "code"), [("ban", "banned"), ("mute", "muted")])
async def test_a_new_guest_from_where_one_is_sanctioned_inherits_it(
    moderated_server: uvicorn.Server, kind: str, code: str
) -> None:
    async with guest(moderated_server, "203.0.113.5") as bad:
        await bad.do("room.join", room="lobby")
        await bad.say("lobby", "hello")
        sanction = await impose(bad, kind)
    assert await joins(moderated_server, "203.0.113.5") == code
    assert await joins(moderated_server, "203.0.113.6") == ""
    async with connect(
        address(moderated_server, "/ws/chat/lobby/"),
        additional_headers={"X-Forwarded-For": "203.0.113.5"},
    ) as plain:
        if kind == "mute":
            await plain.send(json.dumps({"message": "hi"}))
        assert json.loads(await plain.recv())["code"] == code
    # Another room is another matter.
    await Room.objects.acreate(name="other", access="open")
    async with guest(moderated_server, "203.0.113.5") as again:
        await again.do("room.join", room="other")
    # It ends when it is lifted.
    await sync_to_async(sanctions.lift)(sanction.pk, by=None)
    assert await joins(moderated_server, "203.0.113.5") == ""


async def test_who_is_signed_in_is_never_meant(moderated_server: uvicorn.Server) -> None:
    mina = await sync_to_async(User.objects.create_user)("mina")
    async with guest(moderated_server, "203.0.113.5") as bad:
        await bad.do("room.join", room="lobby")
        await impose(bad, "ban")
    assert await joins(moderated_server, "203.0.113.5") == "banned"
    assert await joins(moderated_server, "203.0.113.5", **await cookies_of(mina)) == ""


async def test_an_ipv6_network_is_one_place(moderated_server: uvicorn.Server) -> None:
    async with guest(moderated_server, "2001:db8:1:2::1") as bad:
        await bad.do("room.join", room="lobby")
        await impose(bad, "ban")
    assert await joins(moderated_server, "2001:db8:1:2:ffff::9") == "banned"
    assert await joins(moderated_server, "2001:db8:1:3::1") == ""


async def test_live_sockets_from_there_are_out_within_a_second(
    moderated_server: uvicorn.Server,
) -> None:
    async with (
        guest(moderated_server, "203.0.113.5") as bad,
        guest(moderated_server, "203.0.113.5") as second,
        guest(moderated_server, "203.0.113.6") as other,
    ):
        for client in (bad, second, other):
            await client.do("room.join", room="lobby")
        sanction = await impose(bad, "mute", 10)
        event = (await second.event("member.changed"))["data"]
        assert (event["role"], event["reason"]) == ("guest", "")
        until = sanction.until
        assert until is not None
        assert event["muted_until"].startswith(until.isoformat()[:19])
        error = await second.refused("message.send", room="lobby", body="hi", client_id="1")
        assert error["code"] == "muted"
        await other.say("lobby", "still here")
        await sync_to_async(sanctions.lift)(sanction.pk, by=None)
        assert (await second.event("member.changed"))["data"]["muted_until"] is None
        await second.say("lobby", "thank you")


async def test_the_ladder_holds_there_too_though_it_was_climbed_at_once(
    moderated_server: uvicorn.Server,
) -> None:
    room = await Room.objects.aget(name="lobby")
    ladder = [{"strikes": 1, "kind": "ban", "minutes": None}]
    await sync_to_async(room_policies.change)(room.pk, by=None, ways={"ladder": ladder})
    async with guest(moderated_server, "203.0.113.5") as bad:
        # One frame: the sanction may be there before it is known where its guest comes from.
        await bad.send(
            {"ref": "j", "type": "room.join", "data": {"room": "lobby"}},
            {
                "ref": "s",
                "type": "message.send",
                "data": {"room": "lobby", "body": REJECTED, "client_id": "1"},
            },
        )
        await bad.event("message.settled")
        await until_known(key_of(bad))
    await until(SanctionNetwork.objects.aexists, True)
    assert await joins(moderated_server, "203.0.113.5") == "banned"


async def test_the_worker_looks_again(moderated_server: uvicorn.Server) -> None:
    async with guest(moderated_server, "203.0.113.5") as bad:
        await bad.do("room.join", room="lobby")
        await impose(bad, "mute")
    room = await Room.objects.aget(name="lobby")

    def settled(network: str | None) -> str:
        message = MessageSubmitted(
            room="lobby", author=GUEST, body="hi", client_id=f"n{network}", network=network
        )
        verdict = judge("hi", POLICIES["standard"])
        row = settle.settle([Submission(room.pk, message, verdict, timezone.now())])[0].row
        assert row is not None
        return row.reason

    assert await sync_to_async(settled)(guest_networks.digest("203.0.113.5")) == "muted"
    assert await sync_to_async(settled)(guest_networks.digest("203.0.113.6")) == ""
    assert await sync_to_async(settled)(None) == ""


async def test_pages_and_tokens_are_no_way_around(moderated_server: uvicorn.Server) -> None:
    async with guest(moderated_server, "203.0.113.5") as bad:
        await bad.do("room.join", room="lobby")
        await impose(bad, "ban")

    def page(place: str, language: str = "en") -> tuple[int, str]:
        headers = {"x-forwarded-for": place, "accept-language": language}
        answer = Browser().get("/chat/lobby/", headers=headers)
        return answer.status_code, answer.content.decode()

    for language, why in (("en", "A guest from your address"), ("ko", "같은 주소에서 온 손님")):
        status, told = await sync_to_async(page)("203.0.113.5", language)
        assert status == 403
        assert why in told
        assert "/accounts/login/?next=/chat/lobby/" in told
    assert (await sync_to_async(page)("203.0.113.6"))[0] == 200
    async with guest(moderated_server, "203.0.113.6") as fresh:
        token = fresh.started["data"]["token"]
    async with guest(moderated_server, "203.0.113.5") as again:
        await again.do("session.authenticate", token=token)
        assert (await again.refused("room.join", room="lobby"))["code"] == "banned"


async def test_a_day_later_it_is_over_and_nothing_is_kept(
    moderated_server: uvicorn.Server, settings: Settings
) -> None:
    async with guest(moderated_server, "203.0.113.5") as bad:
        await bad.do("room.join", room="lobby")
        await impose(bad, "ban")
    row = await SanctionNetwork.objects.aget()
    assert "203.0.113.5" not in (row.digest, (await GuestNetwork.objects.aget()).digest)
    assert row.until - timezone.now() <= dt.timedelta(days=1)
    await SanctionNetwork.objects.aupdate(until=timezone.now() - dt.timedelta(seconds=1))
    assert await joins(moderated_server, "203.0.113.5") == ""

    async def both_are_noted() -> bool:
        return await GuestNetwork.objects.acount() == 2

    await until_async(both_are_noted)
    await GuestNetwork.objects.aupdate(seen_at=timezone.now() - dt.timedelta(days=1, seconds=1))
    await sync_to_async(guest_networks.forget_old)()
    assert not await SanctionNetwork.objects.aexists()
    assert not await GuestNetwork.objects.aexists()


async def test_it_can_be_switched_off(moderated_server: uvicorn.Server, settings: Settings) -> None:
    settings.BUS_ADDRESS_SANCTIONS = 0
    room = await Room.objects.aget(name="lobby")
    async with guest(moderated_server, "203.0.113.5") as bad:
        await bad.do("room.join", room="lobby")
        await sync_to_async(sanctions.impose)(room, key_of(bad), "ban")
    assert await joins(moderated_server, "203.0.113.5") == ""
    assert not await GuestNetwork.objects.aexists()


async def test_a_proxy_that_is_not_named_does_not_stand_for_all_who_come_through_it(
    moderated_server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_TRUSTED_PROXIES = []
    async with guest(moderated_server, "203.0.113.5") as bad:
        await bad.do("room.join", room="lobby")
        room = await Room.objects.aget(name="lobby")
        await sync_to_async(sanctions.impose)(room, key_of(bad), "ban")
    assert await joins(moderated_server, "203.0.113.6") == ""
    # Without one, the peer is who it is.
    async with guest(moderated_server, "") as bad:
        await bad.do("room.join", room="lobby")
        await impose(bad, "ban")
    assert await joins(moderated_server, "") == "banned"


async def test_a_stored_message_keeps_nothing_of_where_it_came_from(
    moderated_server: uvicorn.Server,
) -> None:
    async with guest(moderated_server, "203.0.113.5") as one:
        await one.do("room.join", room="lobby")
        await one.say("lobby", "hello")
        await one.event("message.settled")
    row = await Message.objects.values().aget()
    assert guest_networks.digest("203.0.113.5") not in json.dumps(row, default=str)
