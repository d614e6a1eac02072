"""Tokens: who shows one is whom it says, in its rooms, until it ends."""

import time

import jwt
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from bus.errors import Invalid, NotFound, Unauthenticated
from bus.models import Room
from bus.services import tokens
from tests.integration.live import close_code, session

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
