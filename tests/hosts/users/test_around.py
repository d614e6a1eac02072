"""What is around the rooms: the admin, the API, the commands, the checks, the migrations."""

import io
import json

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client as Browser

from bus.chat import tokens
from bus.models import ApiKey, Member, Message, Sanction
from bus.protocol import user_ids
from bus.protocol.errors import Unauthenticated

STAFF = pytest.mark.skipif(settings.USERS in ("uuid", "child"), reason="such people are no staff")


@pytest.fixture
def staff(mod):
    """A browser of a superuser."""
    mod.person.is_staff = mod.person.is_superuser = True
    mod.person.save()
    browser = Browser()
    browser.force_login(mod.person)
    return browser


def test_the_project_is_in_order(transactional_db):
    found = run_checks(databases=["default"])
    # Whether there is a broker, and how it keeps what it has, is no matter of users.
    assert [m for m in found if m.id not in ("bus.W009", "bus.W010", "bus.W011")] == []
    call_command("makemigrations", "--check", "--dry-run", stdout=io.StringIO())


@STAFF
def test_the_admin_adds_members_by_key(broker, staff, club, somebody):
    jun = somebody("jun")
    page = staff.get(f"/admin/bus/room/{club.pk}/change/").content.decode()
    assert ("admin-autocomplete" in page) is (settings.USERS in ("email", "proxy"))
    # As the form has it.
    fields = {"title": "Club", "access": "private", "moderation": "off", "slow_mode": 0,
              "newcomer_wait": 0, "policy_parts": "{}", "conduct": "{}", "topic": "",
              "archived_at_0": "", "archived_at_1": "",
              "opened": club.policy_version, "members-TOTAL_FORMS": 2, "members-INITIAL_FORMS": 1,
              "members-0-id": Member.objects.get().pk, "members-0-room": club.pk,
              "members-0-user": Member.objects.get().user_id, "members-0-role": "moderator",
              "members-1-user": jun.person.pk, "members-1-room": club.pk,
              "members-1-role": "member"}  # fmt: skip
    answer = staff.post(f"/admin/bus/room/{club.pk}/change/", fields)
    assert answer.status_code == 302, answer.content.decode()
    assert Member.objects.filter(user_id=jun.person.pk, role="member").exists()


@STAFF
@pytest.mark.parametrize(
    "model", ["message", "review", "sanction", "strike", "auditentry", "report"]
)
def test_the_admin_shows_each_list(broker, staff, model):
    assert staff.get(f"/admin/bus/{model}/").status_code == 200


@STAFF
def test_staff_calls_the_api_with_a_session(broker, staff):
    assert staff.get("/api/v1/channels").status_code == 200


def test_nobody_else_calls_the_api_with_a_session(broker, mina):
    browser = Browser()
    browser.force_login(mina.person)
    assert browser.get("/api/v1/channels").status_code == 403
    assert browser.get("/readyz").status_code in (200, 503)


def test_commands_name_people_by_their_author_key(broker, mina, club, capsys):
    call_command("bus", "moderation", "sanction", "--room", "club", "mute", mina.key)
    assert Sanction.objects.get().author_key == mina.key
    if settings.USERS == "uuid":
        other = f"u{str(mina.person.pk).upper()}"
        call_command("bus", "moderation", "sanction", "--room", "club", "mute", other)
        assert set(Sanction.objects.values_list("author_key", flat=True)) == {mina.key}
    call_command("bus", "names")
    capsys.readouterr()


def test_an_api_key_sends_in_a_users_name(broker, mina, club):
    call_command(
        "bus", "key", "create", "backend", stdout=(out := io.StringIO()), stderr=io.StringIO()
    )
    assert ApiKey.objects.exists()
    author = {"id": mina.id, "name": "x"}
    data = {"room": "club", "author": author, "body": "hi", "client_id": "c1"}
    answer = Browser().post(
        "/api/v1/channels/moderation/messages",
        json.dumps({"type": "message.submitted", "data": data}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {out.getvalue().strip()}"},
    )
    assert answer.status_code == 202, answer.content


def test_a_token_of_somebody_who_is_gone_is_worth_nothing(mina):
    token = tokens.for_user(mina.person.pk, ttl=60)
    assert tokens.check(token).visitor.key == mina.key
    mina.person.delete()
    with pytest.raises(Unauthenticated):
        tokens.check(token)
    assert not Message.objects.exists()


def test_keys_come_back_from_what_they_are_made_of(mina, jun):
    for somebody in (mina, jun):
        pk = somebody.person.pk
        assert user_ids.user_of(somebody.key) == pk
        assert user_ids.author_key(somebody.id) == somebody.key
        assert user_ids.reference(somebody.id) == somebody.id
        assert user_ids.is_users(somebody.id)
    assert not user_ids.is_users("g0123456789abcdef")
    assert user_ids.author_key("g0123456789abcdef") == "g0123456789abcdef"
    for nobody in ("u", "u\n", f"u{'x' * 64}", "g7"):
        assert user_ids.user_of(nobody) is None
