"""Live rights: what changes in the database acts on live sockets of every process within 1 s."""

import asyncio
import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings
from websockets.asyncio.client import ClientConnection, connect

from bus.consumers.web_process import current
from bus.messaging import background, publisher
from bus.messaging.event_batch import EventBatch
from bus.models import Member, Room, Sanction
from bus.protocol.errors import Unavailable
from tests.support.wait import until_async
from tests.support.web_server import (
    Client,
    address,
    close_code,
    headers_of,
    session,
    signed_in,
)

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]

# What is promised, in seconds.
PROMPT = 1.0


class Mina:
    """A signed-in user, their browser, and a socket at each endpoint."""

    def __init__(self, user: User, browser: Browser, client: Client, plain: ClientConnection):
        self.user, self.browser, self.client, self.plain = user, browser, client, plain
        self.key = f"u{user.pk}"

    async def refused_plainly(self, *codes: str) -> None:
        """The next error that the plain socket is told is one of these."""
        while (told := json.loads(await self.plain.recv()))["type"] != "error":
            pass
        assert told["code"] in codes


@pytest_asyncio.fixture
async def club(db: None) -> Room:
    return await Room.objects.acreate(name="club", title="Club", access="private")


@pytest_asyncio.fixture
async def mina(moderated_server: uvicorn.Server, club: Room) -> AsyncIterator[Mina]:
    user = await User.objects.acreate(username="mina")
    await Member.objects.acreate(room=club, user=user, role="member")
    browser = await signed_in(user)
    # Nothing of this is news to the sockets below.
    await until_async(lambda: not background.tasks._running)
    headers = headers_of(browser)
    async with (
        session(moderated_server, additional_headers=headers) as client,
        connect(address(moderated_server, "/ws/chat/club/"), additional_headers=headers) as plain,
    ):
        await client.do("room.join", room="club")
        found = current().access_watcher
        await until_async(lambda: ("room", club.pk) in found._sockets._sockets)
        yield Mina(user, browser, client, plain)


async def promptly(*told: Awaitable[Any]) -> list[Any]:
    """All of these within what is promised."""
    async with asyncio.timeout(PROMPT):
        return await asyncio.gather(*told)


# ── Who somebody is ──────────────────────────────────────────────────────────────────────────────


async def test_logout_closes_the_sockets_of_that_browser_alone(
    moderated_server: uvicorn.Server, mina: Mina
) -> None:
    elsewhere = headers_of(await signed_in(mina.user))
    async with session(moderated_server, additional_headers=elsewhere) as phone:
        await phone.do("room.join", room="club")
        await sync_to_async(mina.browser.logout)()
        assert await promptly(close_code(mina.client.socket), close_code(mina.plain)) == [4401] * 2
        await phone.do("session.ping")
        assert (await phone.ask("room.join", room="club"))["ok"]


@pytest.mark.parametrize("gone", [False, True])
async def test_a_user_who_is_deactivated_or_deleted_is_out(mina: Mina, gone: bool) -> None:
    if gone:
        await mina.user.adelete()
    else:
        mina.user.is_active = False
        await mina.user.asave()
    assert await promptly(close_code(mina.client.socket), close_code(mina.plain)) == [4401] * 2


async def test_a_new_password_sends_other_logins_back_to_who_they_are(mina: Mina) -> None:
    mina.user.set_password("another-1")
    await mina.user.asave()
    assert await promptly(close_code(mina.client.socket), close_code(mina.plain)) == [4408] * 2


async def test_signing_in_elsewhere_disturbs_nobody(mina: Mina) -> None:
    await signed_in(mina.user)
    mina.user.email = "mina@example.org"
    await mina.user.asave()
    current().access_watcher.check_all()
    await until_async(lambda: not current().access_watcher._sockets._wanted)
    await mina.client.do("session.ping")
    assert mina.client.inbox == []
    assert mina.plain.close_code is None


async def test_every_process_hears_of_it(
    mina: Mina, club: Room, other_server: uvicorn.Server
) -> None:
    headers = headers_of(mina.browser)
    path = address(other_server, "/ws/chat/club/")
    async with (
        session(other_server, additional_headers=headers) as there,
        connect(path, additional_headers=headers) as plain,
    ):
        await there.do("room.join", room="club")
        await Sanction.objects.acreate(room=club, author_key=mina.key, kind="ban")
        *_, code = await promptly(
            mina.client.event("member.changed"),
            there.event("member.changed"),
            close_code(mina.plain),
            close_code(plain),
        )
        assert code == 4403
        await sync_to_async(mina.browser.logout)()
        sockets = (mina.client.socket, there.socket)
        assert await promptly(*map(close_code, sockets)) == [4401] * 2


# ── Rooms ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_ban_takes_out_of_the_room_and_of_no_other(mina: Mina, club: Room) -> None:
    await mina.client.do("room.join", room="lobby")
    await Sanction.objects.acreate(
        room=club, author_key=mina.key, kind="ban", reason="three warnings"
    )
    event, code = await promptly(mina.client.event("member.changed"), close_code(mina.plain))
    assert event["room"] == "club"
    assert event["data"] == {
        "role": None,
        "muted_until": None,
        "banned_until": "9999-12-31T23:59:59.000Z",
        "reason": "three warnings",
    }
    assert code == 4403
    for kind, data in (
        ("message.send", {"body": "hi", "client_id": "1"}),
        ("history.list", {}),
        ("room.join", {}),
    ):
        assert (await mina.client.refused(kind, room="club", **data))["code"] == "banned"
    await mina.client.say("lobby", "still here")
    await mina.client.event("message.posted")
    # Lifted, it is told as well, though the session is not in the room.
    sanction = await Sanction.objects.aget()
    sanction.lifted_at = timezone.now()
    await sanction.asave()
    [event] = await promptly(mina.client.event("member.changed"))
    assert (event["data"]["role"], event["data"]["banned_until"]) == ("member", None)
    assert (await mina.client.do("room.join", room="club"))["you"]["role"] == "member"


async def test_what_is_said_after_a_ban_is_not_heard(mina: Mina, club: Room) -> None:
    await Sanction.objects.acreate(room=club, author_key=mina.key, kind="ban")
    await promptly(mina.client.event("member.changed"))
    frame = json.dumps({"type": "message.posted", "room": "club", "seq": 1}).encode()
    await publisher.publish({club.pk: EventBatch(events=[(1, frame)])})
    await mina.client.do("session.ping")
    assert mina.client.inbox == []


async def test_a_mute_is_told_and_refuses_at_once(mina: Mina, club: Room) -> None:
    until = timezone.now() + dt.timedelta(minutes=10)
    await Sanction.objects.acreate(room=club, author_key=mina.key, kind="timeout", until=until)
    [event] = await promptly(mina.client.event("member.changed"))
    assert event["data"]["role"] == "member"
    assert event["data"]["muted_until"].startswith(until.isoformat()[:19])
    error = await mina.client.refused("message.send", room="club", body="hi", client_id="1")
    assert error["code"] == "muted"
    await mina.plain.send(json.dumps({"message": "hi"}))
    await mina.refused_plainly("muted")
    await Sanction.objects.all().adelete()
    # A bulk deletion sends signals too, row by row.
    [event] = await promptly(mina.client.event("member.changed"))
    assert event["data"]["muted_until"] is None
    await mina.client.say("club", "thank you")


async def test_a_guest_can_be_muted_too(moderated_server: uvicorn.Server) -> None:
    async with session(moderated_server) as guest:
        await guest.do("room.join", room="lobby")
        lobby = await Room.objects.aget(name="lobby")
        key = guest.started["data"]["user"]["id"]
        await Sanction.objects.acreate(room=lobby, author_key=key, kind="mute")
        [event] = await promptly(guest.event("member.changed"))
        assert (event["data"]["role"], event["data"]["muted_until"][:4]) == ("guest", "9999")


async def test_lost_membership_of_a_private_room(mina: Mina) -> None:
    await Member.objects.filter(user=mina.user).adelete()
    event, code = await promptly(mina.client.event("member.changed"), close_code(mina.plain))
    assert (event["data"]["role"], event["data"]["reason"]) == (None, "forbidden")
    assert code == 4403
    error = await mina.client.refused("message.send", room="club", body="hi", client_id="1")
    assert error["code"] == "forbidden"


async def test_a_new_role_is_told_and_holds(mina: Mina, club: Room) -> None:
    member = await Member.objects.aget(user=mina.user)
    member.role = "moderator"
    await member.asave()
    [event] = await promptly(mina.client.event("member.changed"))
    assert event["data"]["role"] == "moderator"


async def test_a_room_that_is_gone(mina: Mina, club: Room) -> None:
    await club.adelete()
    event, code = await promptly(mina.client.event("member.changed"), close_code(mina.plain))
    assert (event["room"], event["data"]["role"]) == ("club", None)
    assert event["data"]["reason"] == "not_found"
    assert code == 4403
    error = await mina.client.refused("history.list", room="club")
    assert error["code"] == "not_found"


async def test_a_room_of_another_name_is_found_again(mina: Mina, club: Room) -> None:
    """The admin does not rename; a script may."""
    club.name = "den"
    await club.asave()
    event, code = await promptly(mina.client.event("member.changed"), close_code(mina.plain))
    changed = await mina.client.event("room.changed")
    assert (changed["room"], changed["data"]["name"]) == ("club", "den")
    assert (event["room"], event["data"]["role"]) == ("club", None)
    assert event["data"]["reason"] == "renamed"
    assert code == 4403
    error = await mina.client.refused("history.list", room="club")
    assert (error["code"], "called den now" in error["message"]) == ("not_found", True)
    joined = await mina.client.do("room.join", room="den", since=0)
    assert joined["recovered"] is True


async def test_new_settings_of_a_room(mina: Mina, club: Room) -> None:
    club.slow_mode, club.title = 30, "The club"
    await club.asave()
    [event] = await promptly(mina.client.event("room.changed"))
    assert event["room"] == "club"
    assert (event["data"]["slow_mode"], event["data"]["title"]) == (30, "The club")
    await mina.client.say("club", "one")
    error = await mina.client.refused("message.send", room="club", body="two", client_id="2")
    assert error["code"] == "slow_mode"
    club.archived_at = timezone.now()
    await club.asave()
    [event] = await promptly(mina.client.event("room.changed"))
    assert event["data"]["archived"] is True
    error = await mina.client.refused("message.send", room="club", body="hi", client_id="3")
    assert error["code"] == "room_archived"
    await mina.plain.send(json.dumps({"message": "hi"}))
    await mina.refused_plainly("room_archived", "slow_mode")


async def test_a_room_closed_to_guests(moderated_server: uvicorn.Server) -> None:
    async with session(moderated_server) as guest:
        await guest.do("room.join", room="lobby")
        lobby = await Room.objects.aget(name="lobby")
        lobby.access = "public"
        await lobby.asave()
        [event] = await promptly(guest.event("member.changed"))
        assert (event["data"]["role"], event["data"]["reason"]) == (None, "forbidden")


# ── What may go wrong ────────────────────────────────────────────────────────────────────────────


async def test_a_change_without_word_is_found_by_the_look(
    moderated_server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_RIGHTS_CHECK = 0.2
    user = await User.objects.acreate(username="mina")
    browser = await signed_in(user)
    async with session(moderated_server, additional_headers=headers_of(browser)) as client:
        await User.objects.filter(pk=user.pk).aupdate(is_active=False)
        assert await close_code(client.socket) == 4401
    await User.objects.filter(pk=user.pk).aupdate(is_active=True)
    async with session(moderated_server, additional_headers=headers_of(browser)) as client:
        await sync_to_async(browser.session.delete)()
        assert await close_code(client.socket) == 4408


async def test_a_change_during_a_join_is_not_missed(
    moderated_server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(moderated_server) as guest:
        key = guest.started["data"]["user"]["id"]
        lobby = await Room.objects.acreate(name="lobby", access="open")
        presence, heard = current().hub.presence, current().access_watcher
        enter = presence.enter

        async def slowly(*args: Any) -> Any:
            # Rights were read, and the session is not in the room yet.
            await Sanction.objects.acreate(room=lobby, author_key=key, kind="ban")
            await until_async(lambda: ("member", lobby.pk, key) in heard._sockets._recent)
            return await enter(*args)

        monkeypatch.setattr(presence, "enter", slowly)
        await guest.send({"ref": "j", "type": "room.join", "data": {"room": "lobby"}})

        async def refusal() -> object:
            return (await guest.ask("history.list", room="lobby")).get("error")

        error = await until_async(refusal, "the room is closed to them", 2 * PROMPT)
        assert error["code"] == "banned"
        assert (await guest.event("member.changed"))["data"]["role"] is None


async def test_a_broker_that_is_away_holds_up_no_request(
    moderated_server: uvicorn.Server, mina: Mina, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    released: list[bool] = []

    async def silent(message: object) -> None:
        asked.append(message)
        await until_async(lambda: released)

    monkeypatch.setattr(publisher, "publish_to_processes", silent)
    before = time.monotonic()
    mina.user.is_active = False
    await mina.user.asave()
    assert time.monotonic() - before < 0.5
    await until_async(lambda: asked)
    # As after an outage.
    current().access_watcher.check_all()
    assert await close_code(mina.client.socket) == 4401
    released.append(True)


async def test_a_database_that_is_away_is_asked_again(
    mina: Mina, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bus.consumers import access_watcher as module

    read, asked = module.live_access.read, 0

    def away(*args: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise Unavailable("the database is away")
        return read(*args)

    monkeypatch.setattr(module.live_access, "read", away)
    mina.user.is_active = False
    await mina.user.asave()
    assert await close_code(mina.client.socket) == 4401


async def test_many_changes_at_once_ask_for_a_look_at_everybody(mina: Mina, club: Room) -> None:
    def ban_a_thousand() -> None:
        from django.db import transaction

        with transaction.atomic():
            for number in range(1001):
                Sanction(room=club, author_key=f"u{10_000 + number}", kind="ban").save()
            Sanction(room=club, author_key=mina.key, kind="ban").save()

    await sync_to_async(ban_a_thousand)()
    assert (await mina.client.event("member.changed"))["data"]["role"] is None


async def test_a_guard_keeps_nothing_of_sockets_that_are_gone(
    moderated_server: uvicorn.Server,
) -> None:
    async with (
        session(moderated_server) as guest,
        connect(address(moderated_server, "/ws/chat/lobby/")),
    ):
        await guest.do("room.join", room="lobby")
        await until_async(lambda: current().access_watcher._sockets._sockets)
    await until_async(
        lambda: (
            not current().access_watcher._sockets._sockets
            and not current().access_watcher._sockets._wanted
        )
    )
