"""What the project's hooks say: names, pictures, profiles and roles, also where they fail."""

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client as Browser
from people.adapter import hooks

from bus.chat import name_collisions, room_rights, users
from bus.chat.user_changes import user_changed
from bus.models import Room, TakenName
from tests.support.factories import HELD


def fails(*_about):
    raise LookupError("a hook of the project")


async def test_pictures_and_profiles_are_beside_the_name(server, mina, jun, enter):
    hooks["avatar_url"] = lambda user: (
        "https://pictures.example/mina.png" if user.pk == mina.person.pk else None
    )
    hooks["profile_url"] = lambda user: "/people/mina/" if user.pk == mina.person.pk else None
    shown = {
        "id": mina.id, "name": mina.name,
        "avatar_url": "https://pictures.example/mina.png", "profile_url": "/people/mina/",
    }  # fmt: skip
    async with enter(mina) as client, enter(jun) as other:
        assert client.started["data"]["user"] == {**shown, "guest": False}
        assert shown in other.joined["presence"]["members"]
        assert {"id": jun.id, "name": jun.name} in other.joined["presence"]["members"]
        await client.say("club", "hello")
        assert (await other.event("message.posted"))["data"]["author"] == shown
    browser = Browser()
    await sync_to_async(browser.force_login)(jun.person)
    html = (await sync_to_async(browser.get)("/chat/club/")).content.decode()
    assert '<img src="https://pictures.example/mina.png" alt="">' in html
    assert '<a class="profile" href="/people/mina/">' in html


async def test_what_is_no_link_is_left_out(server, mina, enter):
    hooks["profile_url"] = lambda user: "javascript:alert(1)"
    async with enter(mina) as client:
        await client.say("club", "hello")
        author = (await client.event("message.posted"))["data"]["author"]
        assert author == {"id": mina.id, "name": mina.name}


async def test_a_name_that_changed_elsewhere_is_shown_once_it_is_told(server, mina, jun, enter):
    async with enter(mina) as client, enter(jun) as other:
        await client.say("club", "hello")
        await other.event("message.posted")
        hooks["display_name"] = lambda user: "Yuna" if user.pk == mina.person.pk else jun.name
        await sync_to_async(user_changed)(mina.person)
        changed = await other.until(lambda item: item["type"] == "user.changed" and "room" in item)
        assert changed["data"] == {"id": mina.id, "name": "Yuna"}
        own = await client.until(lambda item: item["type"] == "user.changed" and "room" not in item)
        assert own["data"]["name"] == "Yuna"
    assert await TakenName.objects.filter(name="Yuna", held_by=mina.key).aexists()
    # Messages show it, so it stays hers.
    assert await TakenName.objects.filter(name=mina.name, left_by=mina.key).aexists()


async def test_the_hooks_role_lets_in_and_moderates_until_it_is_gone(server, mina, somebody, enter):
    helper = await sync_to_async(somebody)("mod")
    helpers = {helper.person.pk}
    hooks["role"] = lambda user, room: "moderator" if user.pk in helpers else None
    hooks["moderators"] = lambda room: get_user_model().objects.filter(pk__in=helpers)
    await Room.objects.filter(name="club").aupdate(moderation="standard")
    async with enter(mina) as client, enter(helper) as moderator:
        assert moderator.joined["you"]["role"] == "moderator"
        await client.say("club", "hello")
        id = (await moderator.event("message.posted"))["data"]["id"]
        await client.say("club", HELD)
        assert (await moderator.event("review.opened"))["data"]["author"]["id"] == mina.id
        await moderator.do("message.delete", room="club", id=id)
        assert (await client.event("message.removed"))["data"]["by"] == "moderator"
        helpers.clear()
        await sync_to_async(user_changed)(helper.person)
        changed = await moderator.event("member.changed")
        assert changed["data"]["role"] is None
        refusal = await moderator.refused("message.send", room="club", body="x", client_id="c")
        assert refusal["code"] in ("forbidden", "not_found", "not_member")


async def test_of_two_roles_the_higher_holds(mod, mina, club):
    hooks["role"] = lambda user, room: "member"

    def role_of(who):
        return room_rights.rights({club: [who.key]})[club.pk, who.key].role

    assert await sync_to_async(role_of)(mod) == "moderator"
    assert await sync_to_async(role_of)(mina) == "member"
    hooks["role"] = lambda user, room: "owner"
    assert await sync_to_async(role_of)(mina) == "owner"
    hooks["role"] = lambda user, room: "emperor"
    assert await sync_to_async(role_of)(mina) == "member"


@pytest.mark.parametrize("broken", ["raises", "asks the database something wrong"])
async def test_hooks_that_fail_lock_nobody_out_and_let_nobody_in(
    server, mina, mod, club, somebody, enter, caplog, broken
):
    def wrong(*_about):
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    for name in ("display_name", "avatar_url", "profile_url", "role", "moderators", "joined_at"):
        hooks[name] = fails if broken == "raises" else wrong
    stranger = await sync_to_async(somebody)("jun")
    async with enter(mina) as client, enter(mod) as moderator:
        assert moderator.joined["you"]["role"] == "moderator"
        await client.say("club", "hello")
        posted = await moderator.event("message.posted")
        assert posted["data"]["author"] == {"id": mina.id, "name": mina.name}
        await moderator.do("message.delete", room="club", id=posted["data"]["id"])
        await client.event("message.removed")
    async with enter(stranger, room=None) as client:
        assert (await client.refused("room.join", room="club"))["code"] == "not_found"
    assert "people.adapter.Adapter.role failed" in caplog.text


def test_names_from_before_are_noted_after_migrations(mina, jun):
    TakenName.objects.all().delete()
    name_collisions.note_users()
    noted = TakenName.objects.values_list("name", "held_by")
    assert set(noted) == {(mina.name, mina.key), (jun.name, jun.key)}


def test_two_of_one_name_are_stored_unless_names_are_unique(mina, somebody, settings):
    hooks["display_name"] = lambda user: "Mina"
    user_changed(mina.person)
    other = somebody("jun")
    assert users.by_keys([other.key])
    settings.BUS_UNIQUE_NAMES = True
    with pytest.raises(Exception, match="looks like somebody else's"):
        somebody("mod")


@pytest.mark.skipif(settings.USERS in ("uuid", "child"), reason="such people are in no groups")
async def test_groups_are_noticed_by_themselves(server, mina, club, enter):
    from django.contrib.auth.models import Group

    hooks["role"] = lambda user, room: (
        "moderator" if user.groups.filter(name="helpers").exists() else None
    )
    group = await Group.objects.acreate(name="helpers")
    async with enter(mina) as client:
        await mina.person.groups.aadd(group)
        assert (await client.event("member.changed"))["data"]["role"] == "moderator"
        await group.user_set.aremove(mina.person)
        assert (await client.event("member.changed"))["data"]["role"] == "member"
