"""Who is in danger: posted without a strike, told to moderators first, and helped alone."""

import json

import pytest
import uvicorn
from django.contrib.auth.models import User
from django.test import Client, override_settings

from bus.chat import history
from bus.chat.visitors import Visitor
from bus.enforcement import review_serializer
from bus.models import Label, Member, Room, Strike
from bus.models.review import Review
from bus.posting import edit
from bus.posting.domain_events import Opened
from bus.protocol.events import MessageSettled
from bus.protocol.objects import Author
from bus.review import reviews
from tests.integration.posting.test_edit import post, user
from tests.integration.posting.test_settle import settle, submission
from tests.support.web_server import cookies_of, session

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lobby() -> Room:
    return Room.objects.create(name="lobby", access="open")


def test_it_is_posted_with_an_alert_and_no_strike(lobby: Room) -> None:
    (settlement,) = settle(submission(lobby, "i dont want to be alive anymore"))
    row = settlement.row
    assert row is not None
    assert (row.status, row.body) == (
        "posted",
        "i dont want to be alive anymore",
    )
    (opened,) = settlement.domain_events
    assert isinstance(opened, Opened)
    assert (opened.review.kind, opened.review.reason, opened.review.rule) == (
        "alert",
        "crisis",
        "crisis",
    )
    assert not Strike.objects.exists()


def test_swearing_beside_it_brings_no_strike_and_a_star_hides_no_alert(lobby: Room) -> None:
    held, starred = settle(
        submission(lobby, "fuck this shit, i want to die", "c1"),
        submission(lobby, "piss on it, i want to die", "c2"),
    )
    assert held.row is not None
    assert starred.row is not None
    assert (held.row.status, held.row.reason) == ("held", "crisis")
    assert (starred.row.status, starred.row.body) == ("posted", "**** on it, i want to die")
    assert {(r.kind, r.reason) for r in Review.objects.all()} == {
        ("held", "crisis"),
        ("alert", "crisis"),
    }
    assert not Strike.objects.exists()


def test_its_review_is_first_in_the_queue_and_in_the_admin(lobby: Room, client: Client) -> None:
    settle(submission(lobby, "you are stupid", "c1"))
    settle(submission(lobby, "you are so dumb", "c2"))
    settle(submission(lobby, "i want to die", "c3"))
    assert [review.reason for review in reviews.queue()] == ["crisis", "model", "model"]
    client.force_login(User.objects.create_superuser("sora"))
    page = client.get("/admin/bus/review/")
    assert next(review.reason for review in page.context["cl"].result_list) == "crisis"
    filtered = client.get("/admin/bus/review/?reason=crisis")
    assert [review.reason for review in filtered.context["cl"].result_list] == ["crisis"]
    (urgent, *_) = reviews.queue()
    reviews.decide(urgent.pk, approve=True, by=None)
    assert [review.reason for review in reviews.queue()] == ["model", "model"]


@override_settings(BUS_CRISIS_HELP=["KR:109:자살예방 상담전화", "findahelpline.com"])
def test_its_author_alone_is_shown_help(lobby: Room) -> None:
    (settlement,) = settle(submission(lobby, "살기 싫어요"))
    assert settlement.row is not None
    outcome = history.outcome(settlement.row)
    frame = json.loads(MessageSettled.encode(outcome, "lobby"))
    assert frame["data"]["notice"]["code"] == "crisis"
    assert frame["data"]["notice"]["contacts"] == [
        {"country": "KR", "phone": "109", "name": "자살예방 상담전화"},
        {"country": "", "phone": "", "name": "findahelpline.com"},
    ]
    shown = history.protocol_message(settlement.row, "lobby").model_dump_json()
    assert "109" not in shown
    assert "notice" not in shown


def test_others_are_shown_none(lobby: Room) -> None:
    (settlement,) = settle(submission(lobby, "더워 죽겠다"))
    assert settlement.row is not None
    assert "notice" not in json.loads(MessageSettled.encode(history.outcome(settlement.row), "x"))


def test_an_edit_into_it_alerts_too(lobby: Room) -> None:
    mina = User.objects.create_user("mina")
    visitor = Visitor(f"u{mina.pk}", mina.pk, "mina", user_id=mina.pk)
    (settlement,) = settle(submission(lobby, "hi", author=Author(id=mina.pk, name="mina")))
    assert settlement.row is not None
    change = edit.edit(lobby.pk, str(settlement.row.pk), visitor, "piss on it, i want to die")
    assert [e.review.reason for e in change.domain_events if isinstance(e, Opened)] == ["crisis"]


def test_who_is_in_danger_gets_no_strike_from_a_moderator_either(lobby: Room) -> None:
    (settlement,) = settle(submission(lobby, "i dont want to be alive anymore"))
    assert settlement.row is not None
    review = Review.objects.get(reason="crisis")
    reviews.decide(review.pk, approve=False, by=None)
    settlement.row.refresh_from_db()
    assert settlement.row.removed_at is not None
    assert not Strike.objects.exists()
    assert not Label.objects.exists()


def test_no_room_hears_that_somebody_is_in_danger(lobby: Room) -> None:
    Room.objects.filter(pk=lobby.pk).update(conduct={"mode": "after"}, policy_version=2)
    lobby.refresh_from_db()
    (settlement,) = settle(submission(lobby, "fuck this shit, i want to die"))
    assert settlement.row is not None
    assert (settlement.row.status, settlement.row.seq) == ("held", None)
    assert [type(event) for event in settlement.domain_events] == [Opened]


def test_an_edit_into_it_that_would_be_held_alerts_and_is_refused_with_help(lobby: Room) -> None:
    mina = User.objects.create_user("mina")
    visitor = Visitor(f"u{mina.pk}", mina.pk, "mina", user_id=mina.pk)
    (settlement,) = settle(submission(lobby, "hi", author=Author(id=mina.pk, name="mina")))
    row = settlement.row
    assert row is not None
    with pytest.raises(edit.NotAllowed) as refusal:
        edit.edit(lobby.pk, str(row.pk), visitor, "fuck this shit, i want to die")
    row.refresh_from_db()
    assert (row.status, row.body) == ("posted", "hi")
    (review,) = reviews.queue()
    assert (review.kind, review.reason, review.message_id) == ("alert", "crisis", row.pk)
    assert refusal.value.domain_events == [Opened(review)]
    assert review_serializer.of(review).body == "fuck this shit, i want to die"
    assert refusal.value.as_wire()["notice"]["code"] == "crisis"
    assert not Strike.objects.exists()


@pytest.mark.asyncio
@pytest.mark.usefixtures("broker")
async def test_moderators_hear_of_a_refused_edit_and_its_author_of_help(
    moderated_server: uvicorn.Server,
) -> None:
    mod = await user("mod")
    room = await Room.objects.acreate(name="lobby", access="open")
    await Member.objects.acreate(room=room, user=mod, role="moderator")
    async with (
        session(moderated_server) as one,
        session(moderated_server, additional_headers=await cookies_of(mod)) as moderator,
    ):
        for client in (one, moderator):
            await client.do("room.join", room="lobby")
        id = (await post(one, "hi"))["id"]
        body = "fuck this shit, i want to die"
        error = await one.refused("message.edit", room="lobby", id=id, body=body)
        assert (error["code"], error["reason"]["code"]) == ("invalid", "crisis")
        assert error["notice"]["code"] == "crisis"
        opened = (await moderator.event("review.opened"))["data"]
        assert (opened["message"], opened["kind"], opened["body"]) == (id, "alert", body)
        assert "message.edited" not in [event["type"] for event in moderator.inbox]
