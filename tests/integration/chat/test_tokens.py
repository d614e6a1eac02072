"""Tokens: who shows one is whom it says, in its rooms, until it ends."""

import time
from collections.abc import Sequence
from typing import Any

import jwt
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.fixtures import Settings

from bus.chat import tokens
from bus.enforcement import sanctions
from bus.messaging import publisher
from bus.messaging.event_batch import EventBatch
from bus.models import Member, Room
from bus.posting import events
from bus.posting.domain_events import Settled
from bus.protocol.errors import Invalid, NotFound, Unauthenticated
from bus.protocol.events import EventPublished
from bus.protocol.objects import Author
from bus.review import reports
from tests.support.factories import GUEST_VISITOR, posted, settle
from tests.support.web_server import close_code, cookies_of, session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


@pytest.fixture
def mina(db: None) -> User:
    return User.objects.create_user("mina")


def test_a_token_says_who_and_where_and_until_when(mina: User) -> None:
    grant = tokens.check(tokens.for_user(mina.pk, ttl=60, rooms=["lobby"]))
    assert (grant.visitor.key, grant.visitor.id) == (f"u{mina.pk}", mina.pk)
    assert (grant.visitor.user_id, grant.visitor.name) == (mina.pk, "mina")
    assert grant.rooms == {"lobby"}
    assert 55 < grant.expires_at - time.time() <= 61
    guest = tokens.check(tokens.for_guest(" Visitor 7 ", ttl=60))
    assert (guest.visitor.name, guest.visitor.guest, guest.rooms) == ("Visitor 7", True, None)


def test_what_is_no_token(mina: User, settings: Settings) -> None:
    good = tokens.for_user(mina.pk, ttl=60)
    head, body, signature = good.split(".")
    unsigned = jwt.encode({"sub": "u1", "name": "x", "exp": time.time() + 60}, "", algorithm="none")
    endless = jwt.encode({"sub": "u1", "name": "x"}, tokens._key(settings.SECRET_KEY), "HS256")
    foreign = jwt.encode({"sub": "u1", "name": "x", "exp": 2**40}, "k" * 32, "HS256")
    for wrong in (f"{head}.{body}.x{signature[1:]}", unsigned, endless, foreign, "a.b.c", ""):
        with pytest.raises(Unauthenticated):
            tokens.check(wrong)
    User.objects.filter(pk=mina.pk).update(is_active=False)
    with pytest.raises(Unauthenticated):
        tokens.check(good)


def test_an_old_secret_still_opens(mina: User, settings: Settings) -> None:
    good = tokens.for_user(mina.pk, ttl=60)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new secret that is long enough for its purpose"
    assert tokens.check(good).visitor.user_id == mina.pk


def test_what_no_token_is_made_for(mina: User) -> None:
    for wrong in ({"ttl": 0}, {"ttl": 10**9}, {"ttl": 60, "rooms": ["a b"]}):
        with pytest.raises(Invalid):
            tokens.for_user(mina.pk, **wrong)
    with pytest.raises(Invalid):
        tokens.for_guest(" ", ttl=60)
    with pytest.raises(NotFound):
        tokens.for_user(10**9, ttl=60)


def test_a_token_is_worth_nothing_once_the_password_is_another(mina: User) -> None:
    old = tokens.for_user(mina.pk, ttl=60)
    mina.set_password("a new one")
    mina.save()
    with pytest.raises(Unauthenticated, match="password"):
        tokens.check(old)
    assert tokens.check(tokens.for_user(mina.pk, ttl=60)).visitor.user_id == mina.pk
    # One without a word of the password, as they were made before.
    claims = {"sub": f"u{mina.pk}", "name": "mina", "exp": time.time() + 60}
    bare = jwt.encode(claims, tokens._key(settings.SECRET_KEY), "HS256")
    with pytest.raises(Unauthenticated, match="password"):
        tokens.check(bare)


@pytest.mark.asyncio
async def test_a_session_with_a_token_ends_with_the_password(
    server: uvicorn.Server, mina: User
) -> None:
    token = await sync_to_async(tokens.for_user)(mina.pk, ttl=60)
    guest = await sync_to_async(tokens.for_guest)("Visitor", ttl=60)
    async with session(server) as one, session(server) as other:
        await one.do("session.authenticate", token=token)
        await other.do("session.authenticate", token=guest)
        mina.set_password("a new one")
        await mina.asave()
        assert await close_code(one.socket) == 4401
        await other.do("session.ping")


def tell_of(rooms: Sequence[Room], mina: User) -> events.EventBatches:
    """What a user is told in rooms that they moderate, and of no room."""
    told = events.EventBatches()
    frames: list[bytes] = []
    author = Author(id=mina.pk, name="mina")
    for room in rooms:
        review = reports.file(room, str(posted(room, author=author).pk), GUEST_VISITOR, "rude")
        assert review is not None
        frames += [frame for _, frame in events.of_report(review).authors[f"u{mina.pk}"].events]
        (settled,) = settle(room, "hi", author=author)
        assert settled.row is not None
        of_mine = events.of_domain_events([Settled(settled.row)])
        frames += [frame for _, frame in of_mine.authors[f"u{mina.pk}"].events]
    frames.append(EventPublished(name="x", payload=None, source="", id="1").frame())
    told.authors[f"u{mina.pk}"] = EventBatch([(None, frame) for frame in frames])
    return told


@pytest.mark.asyncio
async def test_a_session_with_a_token_hears_of_its_rooms_alone(
    server: uvicorn.Server, mina: User
) -> None:
    den, club = [await Room.objects.acreate(name=n, access="public") for n in ("den", "club")]
    for room in (den, club):
        await Member.objects.acreate(room=room, user=mina, role="moderator")
    token = await sync_to_async(tokens.for_user)(mina.pk, ttl=60, rooms=["club"])
    async with (
        session(server) as one,
        session(server) as everywhere,
        session(server, additional_headers=await cookies_of(mina)) as browser,
    ):
        await one.do("session.authenticate", token=token)
        await everywhere.do(
            "session.authenticate", token=await sync_to_async(tokens.for_user)(mina.pk, ttl=60)
        )
        told = await sync_to_async(tell_of)([den, club], mina)
        await publisher.publish(told.rooms, told.authors)
        # What they read elsewhere, and what they are there.
        for name in ("den", "club"):
            await browser.do("room.join", room=name)
            await browser.do("read.mark", room=name, seq=1)
        for room in (den, club):
            await sync_to_async(sanctions.store)(
                sanctions.build(room, f"u{mina.pk}", "mute", 5, "rest", timezone.now()), "operator"
            )
        for client, heard in ((one, ["club"] * 4), (everywhere, ["club"] * 4 + ["den"] * 4)):
            found: list[dict[str, Any]] = []
            while len(found) < len(heard) + 1:
                found.append(await client.receive())
            rooms = sorted(item.get("room", "") for item in found)
            assert rooms == ["", *heard]
            kinds = {item["type"] for item in found if item.get("room")}
            assert kinds == {"review.opened", "message.settled", "read.changed", "member.changed"}
            assert await client.do("unread.list") is not None
            assert client.inbox == []


@pytest.mark.asyncio
async def test_a_session_with_a_token(server: uvicorn.Server, mina: User) -> None:
    for name in ("club", "den"):
        await Room.objects.acreate(name=name, access="public")
    token = await sync_to_async(tokens.for_user)(mina.pk, ttl=60, rooms=["club"])
    async with session(server) as one:
        reply = await one.do("session.authenticate", token=token)
        assert reply["user"] == {"id": mina.pk, "name": "mina", "guest": False}
        await one.do("room.join", room="club")
        assert (await one.refused("room.join", room="den"))["code"] == "forbidden"
        # What acts on users acts on them here, too.
        mina.is_active = False
        await mina.asave()
        assert await close_code(one.socket) == 4401


@pytest.mark.asyncio
async def test_a_token_ends_on_a_live_socket(server: uvicorn.Server, mina: User) -> None:
    token = await sync_to_async(tokens.for_user)(mina.pk, ttl=3)
    async with session(server) as one:
        await one.do("session.authenticate", token=token)
        assert await close_code(one.socket) == 4401
    async with session(server) as one:
        error = await one.refused("session.authenticate", token=token)
        assert (error["code"], "over" in error["message"]) == ("unauthenticated", True)
        await one.do("session.ping")
