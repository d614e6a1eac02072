"""The admin: what it may do to rooms and reviews, and what it may not."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from bus.models import Message, Review, Room

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
    "archived_at_0": "",
    "archived_at_1": "",
    "members-TOTAL_FORMS": "0",
    "members-INITIAL_FORMS": "0",
}


@pytest.mark.parametrize("name", ["a/b", "a b", "cafe\u0301"])
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
    assert admin.post(change, {**ROOM, "name": "자유방", "title": "New"}).status_code == 302
    room.refresh_from_db()
    assert (room.title, room.head) == ("New", 7)


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
