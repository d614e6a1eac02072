"""What people do in a room, whatever the project's users are."""

import uuid

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client as Browser
from websockets.asyncio.client import connect

from bus.chat import tokens
from bus.client import connect as connect_bus
from bus.enforcement import sanctions
from bus.messaging import publisher, sender
from bus.models import Member, Message, ReadMark, Sanction
from bus.posting import events
from bus.protocol.channel_messages import NotificationRequested
from bus.review import reviews
from tests.support.factories import HELD
from tests.support.web_server import address, close_code, cookies_of, session


async def test_who_writes_is_known_by_id_and_name(server, mina, enter):
    async with enter(mina) as client:
        user = client.started["data"]["user"]
        assert user == {"id": mina.id, "name": mina.name, "guest": False}
        assert client.joined["you"]["role"] == "member"
        assert client.joined["presence"]["members"] == [{"id": mina.id, "name": mina.name}]
        await client.say("club", "hello", client_id="c1")
        posted = await client.event("message.posted")
        assert posted["data"]["author"] == {"id": mina.id, "name": mina.name}
        assert (await client.event("message.settled"))["data"]["status"] == "posted"
        again = await client.do("message.send", room="club", body="hello", client_id="c1")
        assert again["id"] == posted["data"]["id"]
    row = await Message.objects.aget()
    assert (row.author_id, row.author_key) == (mina.person.pk, mina.key)
    async with enter(mina) as client:
        assert client.joined["messages"][0]["author"] == {"id": mina.id, "name": mina.name}


def test_ids_are_numbers_or_text(mina, jun):
    match settings.USERS:
        case "uuid":
            assert mina.id == str(mina.person.pk)
            assert uuid.UUID(mina.id) == mina.person.pk
        case "text":
            assert mina.id == "민아 k@ex"
            # Not a guest's.
            assert jun.id == "ug0123456789abcdef"
        case _:
            assert mina.id == mina.person.pk


async def test_the_page_knows_its_own_and_shows_no_address(server, mina, enter):
    async with enter(mina) as client:
        await client.say("club", "hello")
        await client.event("message.posted")
    browser = Browser()
    await sync_to_async(browser.force_login)(mina.person)
    page = await sync_to_async(browser.get)("/chat/club/")
    html = page.content.decode()
    assert page.status_code == 200
    assert 'class="row own"' in html
    assert f'data-author="{mina.id}"' in html
    assert "example.org" not in html
    lobby = await sync_to_async(browser.get)("/chat/")
    assert lobby.status_code == 200
    assert "club" in lobby.content.decode()


async def test_the_python_client_and_plain_chat(server, mina):
    headers = await cookies_of(mina.person)
    async with connect(address(server, "/ws/chat/club/"), additional_headers=headers) as plain:
        token = await sync_to_async(tokens.for_user)(mina.person.pk, ttl=60)
        async with connect_bus(address(server, "/ws/"), token=token) as found:
            room = found.room("club")
            messages = room.messages()
            await room.join()
            assert (await room.send("hello").settled).status == "posted"
            async for message in messages:
                assert (message.author.id, message.author.name) == (mina.id, mina.name)
                break
        assert mina.name in await plain.recv()


async def test_a_token_is_of_its_user_and_ends_with_the_password(server, mina):
    token = await sync_to_async(tokens.for_user)(mina.person.pk, ttl=60)
    async with session(server) as client:
        data = await client.do("session.authenticate", token=token)
        assert data["user"] == {"id": mina.id, "name": mina.name, "guest": False}
        await client.do("room.join", room="club")
        mina.person.set_password("another one of nobody")
        await mina.person.asave()
        assert await close_code(client.socket) == 4401


async def test_reading_is_marked(server, mina, jun, enter):
    async with enter(mina) as other, enter(jun) as client:
        await other.say("club", "one")
        seq = (await client.event("message.posted"))["seq"]
        await client.do("read.mark", room="club", seq=seq)
        assert (await client.event("read.changed"))["data"]["seq"] == seq
    mark = await ReadMark.objects.aget()
    assert (mark.user_id, mark.seq) == (jun.person.pk, seq)
    async with enter(mina) as client:
        # One's own is nothing unread.
        assert client.joined["unread"] == 0
    async with enter(jun) as client:
        assert (client.joined["read"], client.joined["unread"]) == (seq, 0)


async def test_typing_shows_who(server, mina, jun, enter):
    async with enter(mina) as writer, enter(jun) as reader:
        await writer.do("typing.start", room="club")
        shown = await reader.event("typing.changed")
        assert shown["data"]["members"] == [{"id": mina.id, "name": mina.name}]


async def test_edits_and_removals(server, mina, jun, mod, enter):
    async with enter(mina) as client, enter(jun) as other, enter(mod) as moderator:
        await client.say("club", "helo")
        id = (await other.event("message.posted"))["data"]["id"]
        assert (await other.refused("message.edit", room="club", id=id, body="x"))[
            "code"
        ] == "forbidden"
        await client.do("message.edit", room="club", id=id, body="hello")
        edited = await other.event("message.edited")
        assert edited["data"]["author"] == {"id": mina.id, "name": mina.name}
        await moderator.do("message.delete", room="club", id=id)
        assert (await client.event("message.removed"))["data"]["by"] == "moderator"


async def test_a_review_is_told_to_moderators_and_decided(server, mina, mod, club, enter):
    club.moderation = "standard"
    await club.asave()
    async with enter(mina) as client, enter(mod, room=None) as moderator:
        await client.say("club", HELD)
        opened = (await moderator.event("review.opened"))["data"]
        assert opened["author"] == {"id": mina.id, "name": mina.name}
        claimed = await sync_to_async(reviews.claim)(int(opened["id"]), mod.person)
        assert claimed.claimed_by_id == mod.person.pk

        def decide():
            decision = reviews.decide(int(opened["id"]), approve=True, by=mod.person)
            return events.of_domain_events(decision.domain_events)

        found = await sync_to_async(decide)()
        await publisher.publish(found.rooms, found.authors)
        closed = (await moderator.event("review.closed"))["data"]
        assert closed["decided_by"] == mod.name
        assert (await client.event("message.posted"))["data"]["body"] == HELD


async def test_reports_of_members_count(server, mina, jun, mod, enter):
    async with enter(mina) as client, enter(jun) as other, enter(mod) as moderator:
        await client.say("club", "hello")
        id = (await other.event("message.posted"))["data"]["id"]
        await other.do("message.report", room="club", id=id, reason="rude")
        assert (await moderator.event("review.opened"))["data"]["reports"] == ["rude"]


@pytest.mark.parametrize("kind", ["mute", "ban"])
async def test_sanctions_hold_at_once(server, mina, mod, club, enter, kind):
    async with enter(mina) as client:
        await sync_to_async(sanctions.impose)(club, mina.key, kind, by=mod.person)
        changed = (await client.event("member.changed"))["data"]
        assert changed["role"] == ("member" if kind == "mute" else None)
        refusal = await client.refused("message.send", room="club", body="x", client_id="c")
        assert refusal["code"] == ("muted" if kind == "mute" else "banned")
        assert (await Sanction.objects.aget()).created_by_id == mod.person.pk


async def test_notifications_go_to_users_by_their_ids(server, mina, jun, enter):
    async with enter(mina, room=None) as client, enter(jun, room=None) as other:
        await sender.send(NotificationRequested(users=[mina.id], name="due", payload=1))
        assert (await client.event("event.published"))["data"]["name"] == "due"
        await sender.send(NotificationRequested(users=[jun.id], name="own", payload=1))
        # The first one was not for them.
        assert (await other.event("event.published"))["data"]["name"] == "own"


async def test_signing_out_ends_the_socket(server, mina):
    browser = Browser()
    await sync_to_async(browser.force_login)(mina.person)
    headers = {"Cookie": "; ".join(f"{k}={v.value}" for k, v in browser.cookies.items())}
    async with session(server, additional_headers=headers) as client:
        await client.do("room.join", room="club")
        await sync_to_async(browser.logout)()
        assert await close_code(client.socket) == 4401


async def test_who_is_deactivated_is_out_at_once(server, mina, enter):
    async with enter(mina) as client:
        field = "blocked" if settings.USERS == "uuid" else "is_active"
        setattr(mina.person, field, not getattr(mina.person, field))
        await mina.person.asave()
        assert await close_code(client.socket) == 4401
    with pytest.raises(Exception, match="no active user"):
        await sync_to_async(tokens.for_user)(mina.person.pk, ttl=60)


async def test_who_is_deleted_leaves_messages_under_a_name(server, mina, jun, enter):
    async with enter(mina) as client:
        await client.say("club", "hello")
        await client.event("message.posted")
        await mina.person.adelete()
        assert await close_code(client.socket) == 4401
    assert (
        not await Member.objects.filter(room__name="club").exclude(user_id=jun.person.pk).aexists()
    )
    async with enter(jun) as client:
        [message] = client.joined["messages"]
        assert message["author"]["name"] == mina.name
        assert message["body"] == "hello"


async def test_a_new_name_is_shown_at_once(server, mina, jun, enter):
    if settings.USERS == "text":
        pytest.skip("the name is the key here, and another key is another person")
    field = {"uuid": "mail", "email": "nickname", "child": "nickname", "proxy": "username"}[
        settings.USERS
    ]
    async with enter(mina) as client, enter(jun) as other:
        await client.say("club", "hello")
        await other.event("message.posted")
        setattr(mina.person, field, "yuna@example.org" if field == "mail" else "yuna")
        await mina.person.asave()
        changed = await other.until(lambda item: item["type"] == "user.changed" and "room" in item)
        assert changed["data"] == {"id": mina.id, "name": "yuna"}
