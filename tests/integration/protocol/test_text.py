"""Text is NFC from the door on, and limits count what people see as characters."""

import importlib
import unicodedata

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings
from websockets.asyncio.client import connect

from bus.chat import api_keys
from bus.messaging import sender
from bus.models import Message, Report, Room
from tests.support.api_caller import Caller, accepted
from tests.support.web_server import Client, address, cookies_of, session, working

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]

KOREAN = "안녕하세요, 반갑습니다"
DECOMPOSED = unicodedata.normalize("NFD", KOREAN)
FAMILY = "👨‍👩‍👧‍👦"


@pytest.fixture
def lobby(transactional_db: None) -> Room:
    return Room.objects.create(name="lobby", access="open")


async def posted(client: Client, body: str) -> str:
    """The body of a message as the room gets it."""
    await client.say("lobby", body)
    return str((await client.event("message.posted"))["data"]["body"])


@pytest.mark.usefixtures("lobby")
async def test_whatever_comes_in_is_stored_in_nfc(server: uvicorn.Server) -> None:
    user = await User.objects.acreate(username="mina")
    backend = Caller(*await sync_to_async(api_keys.create)("ci"))
    headers = await cookies_of(user)
    async with (
        session(server, additional_headers=headers) as mina,
        session(server) as guest,
        connect(address(server, "/ws/chat/lobby/")) as plain,
        working("moderation", "broadcast"),
    ):
        await mina.do("room.join", room="lobby")
        await guest.do("room.join", room="lobby")
        assert await posted(mina, DECOMPOSED) == KOREAN
        first = await Message.objects.aget()
        await mina.do("message.edit", room="lobby", id=str(first.pk), body=DECOMPOSED + "!")
        assert (await mina.event("message.edited"))["data"]["body"] == KOREAN + "!"
        await guest.do("message.report", room="lobby", id=str(first.pk), reason=DECOMPOSED)
        await plain.send('{"message": "' + DECOMPOSED + '"}')
        assert (await guest.until(lambda item: item.get("seq") == 3))["data"]["body"] == KOREAN
        data = {"room": "lobby", "author": DECOMPOSED, "client_id": "c1", "body": DECOMPOSED}
        sent = {"type": "message.submitted", "data": data}
        accepted(await backend.post("channels/moderation/messages", sent))
        by_api = (await guest.until(lambda item: item.get("seq") == 4))["data"]
        assert (by_api["body"], by_api["author"]["name"]) == (KOREAN, KOREAN)
        await sender.send_raw(
            "broadcast", {"type": "announcement.requested", "rooms": "all", "body": DECOMPOSED}
        )
        told = await guest.event("event.published")
        assert told["data"]["payload"] == {"body": KOREAN}
    bodies = [body async for body in Message.objects.values_list("body", flat=True)]
    assert all(unicodedata.is_normalized("NFC", body) for body in bodies)
    assert (await Report.objects.aget()).reason == KOREAN


@pytest.mark.usefixtures("lobby")
async def test_fifteen_hundred_syllables_fit_however_they_are_spelled(
    server: uvicorn.Server,
) -> None:
    async with session(server) as client:
        await client.do("room.join", room="lobby")
        await client.say("lobby", unicodedata.normalize("NFD", "각" * 1500))


@pytest.mark.usefixtures("lobby")
@pytest.mark.parametrize("one", ["각", FAMILY, "🇰🇷", "e\u0301", "क्ष"])
async def test_a_body_is_as_long_as_people_see_it(
    server: uvicorn.Server, settings: Settings, one: str
) -> None:
    settings.BUS_BODY_LIMIT = 500
    body = unicodedata.normalize("NFD", one) * 500
    async with session(server) as client, working("moderation"):
        await client.do("room.join", room="lobby")
        await client.say("lobby", body)
        settled = (await client.event("message.settled"))["data"]
        assert (settled.get("reason") or {}).get("code") != "too_long"
        error = await client.refused("message.send", room="lobby", body=body + one, client_id="c2")
        assert error["code"] == "too_long"


@pytest.mark.usefixtures("lobby")
@pytest.mark.parametrize("pile", ["a" + "\u0301" * 10_000, ("a" + "\u0316" * 9) * 500])
async def test_what_is_piled_up_counts(
    server: uvicorn.Server, settings: Settings, pile: str
) -> None:
    settings.BUS_BODY_LIMIT = 500
    async with session(server) as client:
        await client.do("room.join", room="lobby")
        error = await client.refused("message.send", room="lobby", body=pile, client_id="c1")
        assert error["code"] == "too_long"


@pytest.mark.usefixtures("lobby")
async def test_the_same_text_in_nfc_and_nfd_is_a_repeat(server: uvicorn.Server) -> None:
    text = "지금 바로 가입하고 포인트 받으세요"
    async with session(server) as client, working("moderation"):
        await client.do("room.join", room="lobby")
        statuses = []
        for number in range(8):
            form = ("NFC", "NFD")[number % 2]
            body = unicodedata.normalize(form, text)
            await client.do("message.send", room="lobby", body=body, client_id=f"c{number}")
            statuses.append((await client.event("message.settled"))["data"]["status"])
        assert statuses[0] == "posted"
        assert "posted" not in statuses[-2:]


async def test_older_rows_become_nfc_and_a_search_finds_them(lobby: Room) -> None:
    for number, body in enumerate((DECOMPOSED, KOREAN, "plain")):
        await Message.objects.acreate(
            room=lobby,
            status="rejected",
            author_key="gabc",
            author_name="guest-abcd",
            client_id=str(number),
            body=body,
            created_at=timezone.now(),
        )
    await Room.objects.abulk_create([Room(name="den", title=DECOMPOSED)])
    migration = importlib.import_module("bus.migrations.0015_text_in_nfc")
    await sync_to_async(migration.compose)(apps, None)
    bodies = [body async for body in Message.objects.order_by("pk").values_list("body", flat=True)]
    assert bodies == [KOREAN, KOREAN, "plain"]
    assert (await Room.objects.aget(name="den")).title == KOREAN
    browser = Browser()
    chief = await sync_to_async(User.objects.create_superuser)("chief")
    await sync_to_async(browser.force_login)(chief)
    for query in (KOREAN, DECOMPOSED):
        page = await sync_to_async(browser.get)("/admin/bus/message/", {"q": query})
        assert "2 results" in page.content.decode()
