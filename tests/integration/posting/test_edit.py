"""Edits and removals: who may, what the room hears, and that no path brings a text back."""

import datetime as dt
import json

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.fixtures import Settings
from websockets.asyncio.client import connect

from bus.chat import history
from bus.enforcement import external_classifier, room_policies
from bus.messaging import publisher
from bus.models import AuditEntry, Member, Message, Review, Room, Sanction
from bus.posting import catch_up
from bus.protocol.errors import Unavailable
from tests.support.web_server import (
    Client,
    address,
    cookies_of,
    session,
)

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


async def post(client: Client, body: str, room: str = "lobby") -> dict[str, object]:
    """Send a message and wait for its outcome."""
    await client.say(room, body)
    return (await client.event("message.settled"))["data"]


async def user(name: str) -> User:
    return await sync_to_async(User.objects.create_user)(name)


async def test_an_author_changes_what_they_wrote(moderated_server: uvicorn.Server) -> None:
    async with session(moderated_server) as one, session(moderated_server) as other:
        await one.do("room.join", room="lobby")
        await other.do("room.join", room="lobby")
        id = (await post(one, "helo"))["id"]
        assert await one.do("message.edit", room="lobby", id=id, body="hello") == {"seq": 2}
        for client in (one, other):
            event = await client.event("message.edited")
            assert (event["room"], event["seq"]) == ("lobby", 2)
            data = event["data"]
            assert (data["id"], data["seq"], data["changed"]) == (id, 1, 2)
            assert (data["body"], data["edited"], data["removed"]) == ("hello", True, False)
        # The same again is the same edit, not another one.
        assert await one.do("message.edit", room="lobby", id=id, body="hello") == {"seq": 2}
        assert (await Room.objects.aget(name="lobby")).head == 2
        # Who comes back hears of it.
        async with session(moderated_server) as third:
            joined = await third.do("room.join", room="lobby", since=1)
            assert [(m["seq"], m["changed"], m["body"]) for m in joined["messages"]] == [
                (1, 2, "hello")
            ]


async def test_nobody_changes_the_words_of_others(moderated_server: uvicorn.Server) -> None:
    mod = await user("mod")
    lobby = await Room.objects.acreate(name="lobby", access="open")
    await Member.objects.acreate(room=lobby, user=mod, role="moderator")
    async with (
        session(moderated_server) as one,
        session(moderated_server, additional_headers=await cookies_of(mod)) as moderator,
    ):
        await one.do("room.join", room="lobby")
        id = (await post(one, "mine"))["id"]
        asked = {"room": "lobby", "id": id, "body": "theirs"}
        assert (await moderator.refused("message.edit", **asked))["code"] == "not_member"
        await moderator.do("room.join", room="lobby")
        assert (await moderator.refused("message.edit", **asked))["code"] == "forbidden"
        missing = await one.refused("message.edit", room="lobby", id="999", body="x")
        assert missing["code"] == "not_found"
        error = await one.refused("message.edit", room="lobby", id="x", body="x")
        assert (error["code"], error["field"]) == ("invalid", "id")
        await one.do("room.join", room="other")
        elsewhere = await one.refused("message.edit", room="other", id=id, body="x")
        assert elsewhere["code"] == "not_found"
    assert (await Message.objects.aget(pk=id)).body == "mine"


async def test_an_edit_is_judged_again(moderated_server: uvicorn.Server) -> None:
    await Room.objects.acreate(name="lobby", access="open", moderation="strict")
    async with session(moderated_server) as one:
        await one.do("room.join", room="lobby")
        id = (await post(one, "you are kind"))["id"]
        for body, reason in (
            ("you are a fucking idiot", "blocked_word"),
            ("look at https://example.com/x", "link"),
        ):
            error = await one.refused("message.edit", room="lobby", id=id, body=body)
            assert (error["code"], error["field"]) == ("invalid", "body")
            assert error["reason"]["code"] == reason
            assert error["message"] == error["reason"]["message"]
    row = await Message.objects.aget(pk=id)
    assert (row.body, row.edited_at, row.changed) == ("you are kind", None, 1)


async def test_an_external_judge_is_asked_about_an_edit(
    moderated_server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def answer(texts: list[str], longest: float) -> list[str]:
        if "broken" in texts[0]:
            raise OSError("no such host")
        return ["off_topic" if "odd" in text else "" for text in texts]

    settings.BUS_JUDGE_URL = "http://judge.invalid/"
    monkeypatch.setattr(external_classifier, "post", answer)
    async with session(moderated_server) as one:
        await one.do("room.join", room="lobby")
        id = (await post(one, "good morning"))["id"]
        asked = {"room": "lobby", "id": id}
        error = await one.refused("message.edit", **asked, body="an odd offer")
        assert (error["code"], error["reason"]["code"]) == ("invalid", "off_topic")
        row = await Message.objects.aget()
        assert (row.body, row.edited_at) == ("good morning", None)
        assert (await AuditEntry.objects.aget(action="edit.refused")).actor == "rule:external"
        # Neither its silence nor an exempt role is held up.
        await one.do("message.edit", **asked, body="a broken odd offer")
        parts = {"exempt": ["guest"]}
        await sync_to_async(room_policies.change)(row.room_id, by=None, parts=parts)
        await one.do("message.edit", **asked, body="an odd offer")
    assert (await Message.objects.aget()).body == "an odd offer"


async def test_an_edit_that_is_masked_is_masked(moderated_server: uvicorn.Server) -> None:
    await Room.objects.acreate(name="lobby", access="open", moderation="relaxed")
    async with session(moderated_server) as one:
        await one.do("room.join", room="lobby")
        id = (await post(one, "what is this"))["id"]
        edit = {"room": "lobby", "id": id, "body": "what the fuck is this"}
        assert await one.do("message.edit", **edit) == {"seq": 2}
        assert "fuck" not in (await one.event("message.edited"))["data"]["body"]
        assert await one.do("message.edit", **edit) == {"seq": 2}


async def test_the_time_to_edit_ends(moderated_server: uvicorn.Server, settings: Settings) -> None:
    async with session(moderated_server) as one:
        await one.do("room.join", room="lobby")
        id = (await post(one, "old"))["id"]
        long_ago = timezone.now() - dt.timedelta(seconds=901)
        await Message.objects.filter(pk=id).aupdate(posted_at=long_ago)
        error = await one.refused("message.edit", room="lobby", id=id, body="new")
        assert (error["code"], "15 minutes" in error["message"]) == ("forbidden", True)
        settings.BUS_EDIT_WINDOW = 0.0
        assert await one.do("message.edit", room="lobby", id=id, body="new") == {"seq": 2}


async def test_who_may_not_write_may_not_edit_but_may_remove(
    moderated_server: uvicorn.Server,
) -> None:
    async with session(moderated_server) as one:
        await one.do("room.join", room="lobby")
        id = (await post(one, "before"))["id"]
        lobby = await Room.objects.aget(name="lobby")
        key = one.started["data"]["user"]["id"]
        await Sanction.objects.acreate(room=lobby, author_key=key, kind="mute")
        error = await one.refused("message.edit", room="lobby", id=id, body="after")
        assert error["code"] == "muted"
        assert await one.do("message.delete", room="lobby", id=id) == {"seq": 2}


async def test_a_removed_text_comes_out_of_nothing(moderated_server: uvicorn.Server) -> None:
    secret = "the door code is 4711"
    async with session(moderated_server) as one, session(moderated_server) as other:
        await one.do("room.join", room="lobby")
        await other.do("room.join", room="lobby")
        id = (await post(one, secret))["id"]
        await other.event("message.posted")
        assert await one.do("message.delete", room="lobby", id=id) == {"seq": 2}
        event = await other.event("message.removed")
        assert (event["room"], event["seq"]) == ("lobby", 2)
        assert event["data"] == {"id": id, "by": "author", "reason": ""}
        # Again: the same outcome.
        assert await one.do("message.delete", room="lobby", id=id) == {"seq": 2}
        assert (await one.refused("message.edit", room="lobby", id=id, body="x"))[
            "code"
        ] == "not_found"
        async with session(moderated_server) as third:
            seen = [
                await third.do("room.join", room="lobby"),
                await third.do("room.join", room="lobby", since=0),
                await third.do("room.join", room="lobby", since=1),
                await third.do("history.list", room="lobby"),
                await third.do("history.list", room="lobby", after=0),
            ]
            for answer in seen:
                [message] = answer["messages"]
                assert (message["id"], message["removed"], message["body"]) == (id, True, "")
                assert (message["removed_by"], message["changed"]) == ("author", 2)
        assert secret not in json.dumps(seen)
    row = await Message.objects.aget(pk=id)
    assert (row.body, row.verdict) == ("", None)


async def test_a_moderator_removes_and_the_text_stays_with_moderators(
    moderated_server: uvicorn.Server,
) -> None:
    mod, stranger = await user("mod"), await user("stranger")
    lobby = await Room.objects.acreate(name="lobby", access="open")
    await Member.objects.acreate(room=lobby, user=mod, role="owner")
    async with (
        session(moderated_server) as one,
        session(moderated_server, additional_headers=await cookies_of(mod)) as moderator,
        session(moderated_server, additional_headers=await cookies_of(stranger)) as other,
    ):
        for client in (one, moderator, other):
            await client.do("room.join", room="lobby")
        id = (await post(one, "a long remark"))["id"]
        assert (await other.refused("message.delete", room="lobby", id=id))["code"] == "forbidden"
        reply = await moderator.do("message.delete", room="lobby", id=id, reason="be kind")
        assert reply == {"seq": 2}
        event = await one.event("message.removed")
        assert event["data"] == {"id": id, "by": "moderator", "reason": "be kind"}
    row = await Message.objects.aget(pk=id)
    assert (row.body, row.verdict) == ("", {"body": "a long remark"})
    assert history.protocol_message(row, "lobby").removed_by == "moderator"


async def test_a_held_message_is_withdrawn(moderated_server: uvicorn.Server) -> None:
    await Room.objects.acreate(name="lobby", access="open", moderation="strict")
    async with session(moderated_server) as one, session(moderated_server) as other:
        await one.do("room.join", room="lobby")
        await other.do("room.join", room="lobby")
        held = await post(one, "see https://example.com/")
        assert held["status"] == "held"
        asked = {"room": "lobby", "id": held["id"]}
        # Nobody else learns that it is there.
        assert (await other.refused("message.delete", **asked))["code"] == "not_found"
        assert (await one.refused("message.edit", **asked, body="x"))["code"] == "conflict"
        assert await one.do("message.delete", **asked) == {"seq": None}
        settled = (await one.event("message.settled"))["data"]
        assert (settled["status"], settled["reason"]["code"]) == ("rejected", "withdrawn")
        assert await one.do("message.delete", **asked) == {"seq": None}
    review = await Review.objects.aget(message=held["id"])
    assert review.state == "rejected"
    assert (await Message.objects.aget(pk=held["id"])).body == ""


async def test_what_is_under_review_stays_as_it_is_and_its_text_is_kept(
    moderated_server: uvicorn.Server,
) -> None:
    mod = await user("mod")
    lobby = await Room.objects.acreate(name="lobby", access="open")
    await Member.objects.acreate(room=lobby, user=mod, role="moderator")
    async with (
        session(moderated_server) as one,
        session(moderated_server) as other,
        session(moderated_server, additional_headers=await cookies_of(mod)) as moderator,
    ):
        for client in (one, other, moderator):
            await client.do("room.join", room="lobby")
        id = (await post(one, "a threat"))["id"]
        report = {"room": "lobby", "id": id, "reason": "this frightens me"}
        assert await other.do("message.report", **report) == {}
        opened = await moderator.event("review.opened")
        assert (opened["room"], opened["data"]["message"]) == ("lobby", id)
        assert opened["data"]["reports"] == ["this frightens me"]
        # Once each, and nobody else hears of it.
        assert await other.do("message.report", **report) == {}
        error = await one.refused("message.edit", room="lobby", id=id, body="a joke")
        assert error["code"] == "conflict"
        assert await one.do("message.delete", room="lobby", id=id) == {"seq": 2}
        row = await Message.objects.aget(pk=id)
        assert (row.body, row.verdict) == ("", {"body": "a threat"})
        # A moderator who removes it as well ends the review; it is gone all the same.
        assert await moderator.do("message.delete", room="lobby", id=id) == {"seq": 2}
        for client in (one, other):
            told = [item["type"] for item in client.inbox]
            assert "review.opened" not in told
        missing = {"room": "lobby", "id": "999", "reason": ""}
        assert (await other.refused("message.report", **missing))["code"] == "not_found"


async def test_a_moderator_who_removes_ends_the_review(moderated_server: uvicorn.Server) -> None:
    mod = await user("mod")
    lobby = await Room.objects.acreate(name="lobby", access="open")
    await Member.objects.acreate(room=lobby, user=mod, role="moderator")
    async with (
        session(moderated_server) as one,
        session(moderated_server, additional_headers=await cookies_of(mod)) as moderator,
    ):
        for client in (one, moderator):
            await client.do("room.join", room="lobby")
        id = (await post(one, "off topic"))["id"]
        await moderator.do("message.report", room="lobby", id=id, reason="off topic")
        await moderator.event("review.opened")
        await moderator.do("message.delete", room="lobby", id=id)
        closed = (await moderator.event("review.closed"))["data"]
        assert (closed["message"], closed["state"], closed["body"]) == (id, "rejected", "")
        assert (await one.event("message.removed"))["data"]["reason"] == "moderator"
    entry = await AuditEntry.objects.aget(action="message.removed")
    assert entry.actor == f"user:{mod.pk} mod"


async def test_plain_chat_shows_no_changes(moderated_server: uvicorn.Server) -> None:
    async with (
        session(moderated_server) as one,
        connect(address(moderated_server, "/ws/chat/lobby/")) as plain,
    ):
        await one.do("room.join", room="lobby")
        id = (await post(one, "first"))["id"]
        assert json.loads(await plain.recv())["message"] == "first"
        await one.do("message.edit", room="lobby", id=id, body="changed")
        await one.do("message.delete", room="lobby", id=id)
        await one.say("lobby", "second")
        assert json.loads(await plain.recv())["seq"] == 4


async def test_a_change_that_cannot_be_told_is_done(
    moderated_server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: object) -> None:
        raise Unavailable("the broker is away")

    async with session(moderated_server) as one:
        await one.do("room.join", room="lobby")
        id = (await post(one, "here"))["id"]
        monkeypatch.setattr(publisher, "publish", away)
        assert await one.do("message.delete", room="lobby", id=id) == {"seq": 2}
    # The repair after an outage tells it.
    lobby = await Room.objects.aget(name="lobby")
    event_batch = await sync_to_async(catch_up.events_since)(lobby.pk, 0)
    assert event_batch is not None
    told = [(seq, json.loads(frame)["type"]) for seq, frame in event_batch.events]
    assert told == [(1, "message.posted"), (2, "message.removed")]
    assert event_batch.plain_chat == []
    assert b"here" not in b"".join(frame for _, frame in event_batch.events)
