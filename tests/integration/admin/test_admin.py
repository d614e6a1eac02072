"""The admin: what it may do to rooms and reviews, and what it may not."""

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from bus.admin.base import BaseAdmin
from bus.enforcement import room_policies, sanctions
from bus.models import AuditEntry, Message, Review, Room, Sanction
from config.people import PersonAdmin
from tests.support.factories import HELD, room, settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("mod"))
    return client


ROOM = {
    "title": "",
    "topic": "",
    "access": "open",
    "moderation": "standard",
    "slow_mode": "0",
    "opened": "0",
    "policy_parts": "{}",
    "conduct": "{}",
    "archived_at_0": "",
    "archived_at_1": "",
    "members-TOTAL_FORMS": "0",
    "members-INITIAL_FORMS": "0",
}


@pytest.mark.parametrize("name", ["a/b", "a b", "a\u00bd"])
def test_a_room_that_no_path_leads_to_is_refused(admin: Client, name: str) -> None:
    answer = admin.post("/admin/bus/room/add/", {**ROOM, "name": name})
    assert answer.status_code == 200
    assert not Room.objects.exists()
    assert admin.get("/chat/").status_code == 200


def test_a_room_is_made_and_changed_without_touching_its_head(admin: Client) -> None:
    assert admin.post("/admin/bus/room/add/", {**ROOM, "name": "자유방"}).status_code == 302
    room = Room.objects.get()
    change = f"/admin/bus/room/{room.pk}/change/"
    Room.objects.update(head=7)
    # The name is where people are; it stays, whoever asks.
    assert admin.post(change, {**ROOM, "name": "den", "title": "New"}).status_code == 302
    room.refresh_from_db()
    assert (room.name, room.title, room.head) == ("자유방", "New", 7)


def test_a_title_that_is_too_long_as_it_is_stored_is_refused(admin: Client) -> None:
    # In NFC each of these is two characters.
    answer = admin.post("/admin/bus/room/add/", {**ROOM, "name": "long", "title": "\u0958" * 61})
    assert "at most 120 characters" in answer.content.decode()
    assert not Room.objects.filter(name="long").exists()


def test_an_open_review_cannot_be_deleted(admin: Client) -> None:
    room = Room.objects.create(name="launch")
    row = Message.objects.create(
        room=room,
        status="held",
        author_key="gabc",
        author_name="guest",
        client_id="1",
        body="x",
        created_at=timezone.now(),
    )
    review = Review.objects.create(message=row, opened_at=timezone.now())
    action = {"action": "delete_selected", "_selected_action": [review.pk], "post": "yes"}
    admin.post("/admin/bus/review/", action)
    assert Review.objects.exists()
    assert admin.post(f"/admin/bus/review/{review.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_rooms_rules_are_checked_versioned_and_logged(admin: Client) -> None:
    place = room()
    change = f"/admin/bus/room/{place.pk}/change/"
    values = {**ROOM, "name": "lobby", "title": "New"}
    for wrong, told in (
        ({"policy_parts": '{"nonsense": 1}'}, b"no part"),
        ({"conduct": '{"mode": "never"}'}, b"mode: "),
        ({"policy_parts": r'{"words": ["a\u0000b"]}'}, b"U+0000"),
        ({"policy_parts": r'{"exempt": ["\ud800"]}'}, b"U+D800"),
        ({"policy_parts": r'{"\ud800": 1}'}, b"no part"),
        ({"policy_parts": "[1]"}, b"an object is wanted"),
        ({"conduct": r'{"\ud800": 1}'}, b"valid string"),
        ({"conduct": r'{"ladder": [{"\ud800": 1}]}'}, b"valid string"),
        ({"conduct": "3"}, b"valid dictionary"),
    ):
        answer = admin.post(change, {**values, **wrong})
        assert answer.status_code == 200
        assert told in answer.content
    place.refresh_from_db()
    assert (place.title, place.policy_version) == ("", 0)
    rules = {"policy_parts": '{"max_links": 1}', "conduct": '{"mode": "after"}'}
    assert admin.post(change, {**values, **rules}).status_code == 302
    place.refresh_from_db()
    assert (place.title, place.policy_version) == ("New", 1)
    assert (place.policy_parts, place.conduct) == ({"max_links": 1}, {"mode": "after"})
    assert AuditEntry.objects.get().action == "policy.changed"


def test_slow_mode_is_checked_and_logged(admin: Client) -> None:
    place = room()
    change = f"/admin/bus/room/{place.pk}/change/"
    assert b"86400" in admin.post(change, {**ROOM, "slow_mode": "90000"}).content
    assert admin.post(change, {**ROOM, "slow_mode": "45"}).status_code == 302
    place.refresh_from_db()
    assert (place.slow_mode, place.policy_version) == (45, 1)
    assert AuditEntry.objects.get().details["slow_mode"] == [0, 45]


def test_rules_that_somebody_else_changed_meanwhile_are_not_written_over(admin: Client) -> None:
    place = room()
    change = f"/admin/bus/room/{place.pk}/change/"
    assert b'name="opened" value="0"' in admin.get(change).content
    room_policies.raid(place.pk, 3600, by=None)
    for opened in ("0", ""):
        answer = admin.post(change, {**ROOM, "opened": opened, "moderation": "strict"})
        assert b"Somebody else has changed the rules" in answer.content
    place.refresh_from_db()
    assert (place.moderation, place.policy_parts) == ("standard", {"raid_seconds": 3600})
    assert b'name="opened" value="1"' in admin.get(change).content
    rules = {"opened": "1", "moderation": "strict", "policy_parts": '{"raid_seconds": 3600}'}
    assert admin.post(change, {**ROOM, **rules}).status_code == 302
    # What is no rule is nobody else's.
    assert admin.post(change, {**ROOM, **rules, "title": "New"}).status_code == 302
    place.refresh_from_db()
    assert (place.moderation, place.title, place.policy_version) == ("strict", "New", 2)


@pytest.mark.parametrize(("action", "status"), [("approve", "posted"), ("reject", "rejected")])
@pytest.mark.usefixtures("broker")
def test_reviews_are_decided_in_the_list(admin: Client, action: str, status: str) -> None:
    settle(room(), HELD)
    chosen = {"action": action, "_selected_action": [Review.objects.get().pk]}
    for _ in range(2):
        answer = admin.post("/admin/bus/review/", chosen, follow=True)
    assert b"decided already" in answer.content
    assert Message.objects.get().status == status


def test_sanctions_are_made_and_lifted_and_the_log_is_read(admin: Client) -> None:
    place = room()
    values = {"room": place.pk, "author_key": "gabc", "kind": "mute", "reason": "enough"}
    assert admin.post("/admin/bus/sanction/add/", values).status_code == 302
    sanction = Sanction.objects.get()
    chosen = {"action": "lift", "_selected_action": [sanction.pk]}
    admin.post("/admin/bus/sanction/", chosen)
    sanction.refresh_from_db()
    assert sanction.lifted_at is not None
    assert [e.action for e in AuditEntry.objects.order_by("pk")] == [
        "sanction.mute",
        "sanction.lifted",
    ]
    page = admin.get("/admin/bus/auditentry/")
    assert page.status_code == 200
    assert b"user:" in page.content
    assert admin.get("/admin/bus/auditentry/add/").status_code == 403
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert admin.post(f"/admin/bus/auditentry/{entry.pk}/delete/").status_code == 403


@pytest.mark.parametrize("name", ["report", "strike", "dryrun", "review", "room", "sanction"])
def test_every_list_opens(admin: Client, name: str) -> None:
    settle(room(), HELD, "what the fuck")
    assert sanctions.impose(Room.objects.get(), "gabc", "mute").pk
    assert admin.get(f"/admin/bus/{name}/").status_code == 200


def test_raid_mode_is_switched_on_and_off_for_chosen_rooms(admin: Client) -> None:
    places = [room("one", moderation="off"), room("two")]
    chosen = {"_selected_action": [place.pk for place in places]}
    for action, seconds in (("raid", 3600), ("calm", 0)):
        answer = admin.post("/admin/bus/room/", {"action": action, **chosen}, follow=True)
        assert b"2 rooms changed." in answer.content
        found = Room.objects.values_list("policy_parts__raid_seconds", flat=True)
        assert list(found) == [seconds, seconds]
    assert AuditEntry.objects.filter(action="policy.changed", reason="raid mode").count() == 4


def test_people_have_our_admin_and_others_lists_answer_as_ours_do() -> None:
    assert type(site.get_model_admin(User)) is PersonAdmin
    assert isinstance(site.get_model_admin(Group), BaseAdmin)
    assert all(
        isinstance(site.get_model_admin(model), BaseAdmin)
        for model in apps.get_app_config("axes").get_models()
        if site.is_registered(model)
    )
