"""Names of rooms: one room by NFKC and case fold, whichever door one comes by; none looks alike."""

import importlib
import json
from urllib.parse import quote

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from bus.chat import name_policy, rooms, tokens
from bus.client import connect as bus_client
from bus.messaging import sender
from bus.models import Room, TakenName
from bus.protocol.errors import Conflict
from bus.protocol.types import canonical_name
from bus.unicode.normal_form import fold
from tests.integration.admin.test_admin import ROOM
from tests.support.web_server import address, session, working

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]

SPELLINGS = [
    ("Lobby", "lobby"),
    ("ＬＯＢＢＹ", "lobby"),
    ("ﬁsh", "fish"),
    ("STRASSE", "strasse"),
    ("Straße", "strasse"),
    ("cafe\u0301", "café"),
    ("자유방", "자유방"),
    ("Team-7", "team-7"),
    ("ㅋㅋ", "ㅋㅋ"),
]


@given(st.text(max_size=80))
def test_a_folded_name_stays_as_it_is(name: str) -> None:
    assert fold(fold(name)) == fold(name)
    canonical = canonical_name(name)
    assert canonical is None or canonical_name(canonical) == canonical


@pytest.mark.parametrize(("spelled", "name"), SPELLINGS)
def test_the_page_of_another_spelling_leads_to_the_room(spelled: str, name: str) -> None:
    Room.objects.create(name=spelled, access="open")
    assert Room.objects.get().name == name
    browser = Browser()
    page = browser.get(f"/chat/{quote(name)}/")
    assert page.status_code == 200
    if spelled != name:
        answer = browser.get(f"/chat/{quote(spelled)}/")
        assert (answer.status_code, answer.headers["location"]) == (302, f"/chat/{quote(name)}/")
    answer = browser.post("/chat/", {"name": spelled}, follow=True)
    assert answer.redirect_chain[-1][0] == f"/chat/{quote(name)}/"


@pytest.mark.asyncio
@pytest.mark.parametrize(("spelled", "name"), SPELLINGS)
async def test_sockets_join_the_same_room_however_it_is_spelled(
    server: uvicorn.Server, spelled: str, name: str
) -> None:
    plain_path = f"/ws/chat/{quote(spelled)}/"
    async with (
        working("moderation"),
        session(server) as one,
        session(server) as other,
        connect(address(server, plain_path)) as plain,
    ):
        joined = await one.do("room.join", room=spelled)
        assert joined["room"]["name"] == name
        await other.do("room.join", room=name)
        await one.say(spelled, "hello")
        for client in (one, other):
            event = await client.event("message.posted")
            assert (event["room"], event["data"]["room"]) == (name, name)
        settled = await one.event("message.settled")
        assert settled["room"] == name
        told = json.loads(await plain.recv())
        assert (told["message"], told["room"]) == ("hello", name)
        await one.do("room.join", room=name)
        page = await one.do("history.list", room=spelled)
        assert [message["body"] for message in page["messages"]] == ["hello"]
        await one.do("room.leave", room=spelled)
        assert (await one.refused("typing.start", room=name))["code"] == "not_member"
    assert await Room.objects.acount() == 1


@pytest.mark.asyncio
async def test_named_channels_take_every_spelling(server: uvicorn.Server) -> None:
    await Room.objects.acreate(name="lobby", access="open")
    submitted = {"type": "message.submitted", "author": "ci", "client_id": "c1", "body": "hi"}
    announcement = {"type": "announcement.requested", "rooms": ["LOBBY", "lobby"], "body": "Noon"}
    async with session(server) as client, working("moderation", "broadcast"):
        await client.do("room.join", room="lobby")
        await sender.send_raw("moderation", {**submitted, "room": "Lobby"})
        assert (await client.event("message.posted"))["data"]["room"] == "lobby"
        await sender.send_raw("broadcast", announcement)
        event = await client.event("event.published")
        assert (event["room"], event["data"]["name"]) == ("lobby", "announcement")
        await client.do("session.ping")
        assert not [item for item in client.inbox if item["type"] == "event.published"]


@pytest.mark.asyncio
async def test_the_python_client_hears_a_room_that_it_spelled_otherwise(
    server: uvicorn.Server,
) -> None:
    async with working("moderation"), bus_client(address(server, "/ws/")) as bus:
        room = bus.room("Lobby")
        await room.join()
        assert (await room.send("hello").settled).status == "posted"


@pytest.mark.asyncio
async def test_a_token_for_a_room_is_for_all_its_spellings(server: uvicorn.Server) -> None:
    await Room.objects.acreate(name="lobby", access="open")
    token = await sync_to_async(tokens.for_guest)("Visitor 7", ttl=60, rooms=["Lobby"])
    async with session(server) as client:
        await client.do("session.authenticate", token=token)
        await client.do("room.join", room="LOBBY")
        await client.do("room.join", room="lobby")
        assert (await client.refused("room.join", room="launch"))["code"] == "forbidden"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "name", ["l0bby", "lоbby", "lóbby", "l-o-b-b-y", "lobby_", "lob\ufe0fby", "lobby\U000e0100"]
)
async def test_a_room_that_looks_like_another_is_refused(server: uvicorn.Server, name: str) -> None:
    await Room.objects.acreate(name="lobby", access="open")
    async with session(server) as client:
        assert (await client.refused("room.join", room=name))["code"] == "conflict"
    async with connect(address(server, f"/ws/chat/{quote(name)}/")) as plain:
        assert json.loads(await plain.recv())["code"] == "conflict"
    page = await sync_to_async(Browser().get)(f"/chat/{quote(name)}/")
    assert page.status_code == 409
    with pytest.raises(Conflict):
        await Room.objects.acreate(name=name)
    assert await Room.objects.acount() == 1


def test_a_room_that_another_process_makes_meanwhile_is_the_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def made_meanwhile(name: str) -> None:
        rooms.make_open(name)

    # What is asked between the look for the room and the one for those that look like it.
    monkeypatch.setattr(name_policy, "check", made_meanwhile)
    assert rooms.visited("made-at-once") == Room.objects.get(name="made-at-once")
    with pytest.raises(Conflict):
        rooms.visited("made-at-0nce")


@pytest.mark.asyncio
async def test_what_looks_like_a_private_room_tells_nothing_of_it(server: uvicorn.Server) -> None:
    await Room.objects.acreate(name="club", access="private")
    async with session(server) as client:
        for name in ("club", "Club", "c1ub", "c-lub"):
            assert (await client.refused("room.join", room=name))["code"] == "not_found"


def test_the_admin_spells_a_room_as_all_are_spelled_and_refuses_a_look_alike() -> None:
    browser = Browser()
    browser.force_login(User.objects.create_superuser("chief"))
    assert browser.post("/admin/bus/room/add/", {**ROOM, "name": "Lobby"}).status_code == 302
    for name in ("LOBBY", "l0bby"):
        assert browser.post("/admin/bus/room/add/", {**ROOM, "name": name}).status_code == 200
    assert [room.name for room in Room.objects.all()] == ["lobby"]


@pytest.mark.asyncio
async def test_of_two_that_exist_both_stay_where_they_are(server: uvicorn.Server) -> None:
    names = ["Lobby", "lobby", "Den"]
    await Room.objects.abulk_create([Room(name=name, access="open") for name in names])
    await sync_to_async(_upgrade)()
    assert [room.name async for room in Room.objects.order_by("pk")] == ["Lobby", "lobby", "den"]
    assert (await Room.objects.aget(name="den")).title == "Den"
    browser = Browser()
    for name in ("Lobby", "lobby", "den"):
        assert (await sync_to_async(browser.get)(f"/chat/{name}/")).status_code == 200
    answer = await sync_to_async(browser.get)("/chat/LOBBY/")
    assert answer.headers["location"] == "/chat/lobby/"
    assert (await sync_to_async(browser.get)("/chat/Den/")).headers["location"] == "/chat/den/"
    async with session(server) as client, working("moderation"):
        for name in ("Lobby", "lobby", "LOBBY", "Den"):
            joined = await client.do("room.join", room=name)
            assert joined["room"]["name"] == {"LOBBY": "lobby", "Den": "den"}.get(name, name)
        await client.say("Lobby", "here")
        assert (await client.event("message.posted"))["room"] == "Lobby"
        await client.say("LOBBY", "and there")
        assert (await client.event("message.posted"))["room"] == "lobby"
    # It is saved as it is.
    room = await Room.objects.aget(name="Lobby")
    await room.asave()
    assert await Room.objects.filter(name="Lobby").aexists()


def _upgrade() -> None:
    TakenName.objects.all().delete()
    importlib.import_module("bus.migrations.0010_taken_name").take_all(apps, None)
    importlib.import_module("bus.migrations.0013_room_spelling").spell(apps, None)
