"""Strikes, what they lead to, how they fade, and how all of it is taken back."""

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from bus.chat import room_rights
from bus.chat.visitors import Visitor
from bus.enforcement import audit, room_policies, sanctions, strikes
from bus.enforcement.room_settings import RoomSettings
from bus.models import AuditEntry, Message, Review, Room, Sanction, Strike
from bus.posting import catch_up, events, removal
from bus.protocol.errors import Conflict, Invalid, NotFound
from bus.protocol.objects import Author
from bus.review import appeals, reports, reviews
from tests.support.factories import (
    CLEAN,
    GUEST_VISITOR,
    HELD,
    REJECTED,
    posted,
    room,
    settle,
)
from tests.support.wait import until

pytestmark = pytest.mark.django_db(transaction=True)

LADDER = [
    {"strikes": 2, "kind": "timeout", "minutes": 10},
    {"strikes": 3, "kind": "mute", "minutes": 1440},
    {"strikes": 4, "kind": "ban"},
]


@pytest.fixture
def lobby() -> Room:
    return room(conduct={"ladder": LADDER})


@pytest.fixture
def mina() -> User:
    return User.objects.create_user("mina")


def reasons(place: Room, *bodies: str) -> list[str]:
    return [settled.row.reason for settled in settle(place, *bodies) if settled.row]


def end_sanctions() -> None:
    Sanction.objects.update(until=timezone.now())


def test_strikes_climb_the_ladder_to_a_ban(lobby: Room) -> None:
    assert reasons(lobby, REJECTED, REJECTED) == ["blocked_word"] * 2
    # From the next message on, in the same list or later.
    assert reasons(lobby, CLEAN) == ["muted"]
    timeout = Sanction.objects.get()
    assert (timeout.kind, timeout.author_key) == ("timeout", "gabc")
    assert timeout.until is not None
    assert 590 < (timeout.until - timezone.now()).total_seconds() < 601
    assert timeout.reason == "2 messages were rejected in 24 h"
    end_sanctions()
    assert reasons(lobby, REJECTED, CLEAN) == ["blocked_word", "muted"]
    end_sanctions()
    assert reasons(lobby, REJECTED, CLEAN) == ["blocked_word", "banned"]
    ban = Sanction.objects.get(kind="ban")
    assert ban.until is None
    entry = AuditEntry.objects.get(action="sanction.ban")
    assert (entry.actor, entry.undo) == ("rule:words", f"moderation lift {ban.pk}")
    assert entry.author_key == "gabc"


def test_strikes_fade(lobby: Room) -> None:
    settle(lobby, REJECTED)
    Strike.objects.update(created_at=timezone.now() - dt.timedelta(hours=25))
    settle(lobby, REJECTED)
    assert not Sanction.objects.exists()
    settle(lobby, REJECTED)
    assert Sanction.objects.get().kind == "timeout"


def test_strikes_are_of_one_author_in_one_room(lobby: Room) -> None:
    other = room("other", conduct={"ladder": LADDER})
    settle(lobby, REJECTED)
    settle(other, REJECTED)
    settle(lobby, REJECTED, author=Author(id="gother", name="other"))
    assert Strike.objects.count() == 3
    assert not Sanction.objects.exists()


def test_without_a_ladder_strikes_are_counted_and_nothing_follows() -> None:
    place = room()
    assert reasons(place, *[REJECTED] * 5) == ["blocked_word"] * 5
    assert Strike.objects.count() == 5
    assert not Sanction.objects.exists()


def test_moderators_and_services_get_no_strikes(lobby: Room, mina: User) -> None:
    lobby.members.create(user=mina, role="moderator")
    settle(lobby, REJECTED, author=Author(id=mina.pk, name="mina"))
    settle(lobby, REJECTED, author=Author(name="deploy bot"))
    assert not Strike.objects.exists()


def test_what_is_too_long_is_no_offence(lobby: Room) -> None:
    assert reasons(lobby, "long " * 500) == ["too_long"]
    assert not Strike.objects.exists()


def test_a_repeat_is_no_second_strike(lobby: Room) -> None:
    from bus.posting import settle
    from tests.support.factories import submission

    once = submission(lobby, REJECTED, client_id="same")
    for _ in range(3):
        settle.settle([once])
    assert Strike.objects.count() == 1


def test_a_moderators_rejection_is_a_strike_and_its_undo_forgives(lobby: Room, mina: User) -> None:
    settle(lobby, REJECTED, HELD)
    review = Review.objects.get()
    reviews.decide(review.pk, approve=False, by=mina)
    sanction = Sanction.objects.get()
    assert sanction.message == review.message
    reviews.undo(review.pk, by=mina)
    sanction.refresh_from_db()
    assert sanction.lifted_at is not None
    assert Strike.objects.filter(forgiven_at=None).count() == 1
    reviews.decide(review.pk, approve=False, by=mina)
    assert Strike.objects.filter(forgiven_at=None).count() == 2
    assert Sanction.objects.filter(lifted_at=None).count() == 1


def test_an_appeal_that_succeeds_takes_the_punishment_back(lobby: Room, mina: User) -> None:
    row = settle(lobby, REJECTED, REJECTED)[1].row
    assert row is not None
    assert reasons(lobby, CLEAN) == ["muted"]
    opened = appeals.appeal(lobby, str(row.pk), GUEST_VISITOR, "a quotation")
    reviews.decide(opened.review.pk, approve=True, by=mina)
    assert reasons(lobby, "hello again") == [""]
    assert Strike.objects.filter(forgiven_at=None).count() == 1


def test_a_mistaken_approval_that_is_undone_brings_the_punishment_back(
    lobby: Room, mina: User
) -> None:
    row = settle(lobby, REJECTED, REJECTED)[1].row
    assert row is not None
    opened = appeals.appeal(lobby, str(row.pk), GUEST_VISITOR, "a quotation")
    reviews.decide(opened.review.pk, approve=True, by=mina)
    assert Sanction.objects.get().lifted_at is not None
    reviews.undo(opened.review.pk, by=mina)
    sanction = Sanction.objects.get()
    assert sanction.lifted_at is None
    assert Strike.objects.filter(forgiven_at=None).count() == 2
    assert reasons(lobby, CLEAN) == ["muted"]
    entry = AuditEntry.objects.get(action="sanction.restored")
    assert entry.undo == f"moderation lift {sanction.pk}"
    # Neither is what a rule gave taken back with a rejection that agreed with it.
    reviews.decide(opened.review.pk, approve=False, by=mina)
    reviews.undo(opened.review.pk, by=mina)
    assert Strike.objects.filter(forgiven_at=None).count() == 2
    assert Sanction.objects.get().lifted_at is None


def test_an_operator_forgives_a_strike_with_what_it_brought(lobby: Room, mina: User) -> None:
    settle(lobby, REJECTED, REJECTED)
    strike = Strike.objects.latest("pk")
    strikes.pardon(strike.pk, by=mina, reason="a quotation")
    assert Strike.objects.filter(forgiven_at=None).count() == 1
    assert Sanction.objects.get().lifted_at is not None
    entry = AuditEntry.objects.get(action="strike.forgiven")
    assert (entry.author_key, entry.message_id) == ("gabc", strike.message_id)
    assert entry.reason == "a quotation"
    for pk in (strike.pk, 999):
        with pytest.raises(NotFound):
            strikes.pardon(pk, by=mina)


@pytest.mark.parametrize(
    "take_back",
    [
        lambda: sanctions.lift(Sanction.objects.get().pk, by=None),
        lambda: strikes.pardon(Strike.objects.latest("pk").pk, by=None),
    ],
    ids=["lift", "pardon"],
)
def test_who_takes_back_and_who_decides_never_wait_for_each_other_in_a_circle(
    lobby: Room, mina: User, monkeypatch: pytest.MonkeyPatch, take_back: Callable[[], object]
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one lock for all")
    row = settle(lobby, REJECTED, REJECTED)[1].row
    assert row is not None
    opened = appeals.appeal(lobby, str(row.pk), GUEST_VISITOR, "a quotation")

    def decide() -> None:
        try:
            reviews.decide(opened.review.pk, approve=True, by=mina)
        finally:
            connection.close()

    deciding = threading.Thread(target=decide)
    note = audit.note

    def note_while_somebody_waits(*args: Any, **values: Any) -> AuditEntry:
        if deciding.ident is None:
            deciding.start()
            until(somebody_waits_for_us, "a decision that waits")
        return note(*args, **values)

    monkeypatch.setattr(audit, "note", note_while_somebody_waits)
    take_back()
    deciding.join(30)
    assert Review.objects.get().state == "approved"
    assert Sanction.objects.get().lifted_at is not None


def somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted"
            " AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone() is not None


def test_a_sanction_is_lifted_once(lobby: Room, mina: User) -> None:
    sanction = sanctions.impose(lobby, "gabc", "mute", minutes=5, by=mina, reason="enough")
    assert reasons(lobby, CLEAN) == ["muted"]
    sanctions.lift(sanction.pk, by=mina, reason="sorry")
    assert reasons(lobby, CLEAN) == [""]
    with pytest.raises(Conflict):
        sanctions.lift(sanction.pk, by=mina)
    with pytest.raises(NotFound):
        sanctions.lift(999_999, by=mina)
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == [
        "sanction.mute",
        "sanction.lifted",
    ]


@pytest.mark.parametrize(("kind", "minutes"), [("exile", 5), ("timeout", None), ("mute", 0)])
def test_sanctions_that_make_no_sense_are_refused(
    lobby: Room, kind: str, minutes: int | None
) -> None:
    with pytest.raises(Invalid):
        sanctions.impose(lobby, "gabc", kind, minutes=minutes)
    assert not Sanction.objects.exists()


@pytest.mark.parametrize(
    "ladder",
    [
        [{"strikes": 0, "kind": "mute"}],
        [{"strikes": 1, "kind": "exile"}],
        [{"strikes": 1, "kind": "timeout"}],
        [{"strikes": 3, "kind": "mute"}, {"strikes": 2, "kind": "ban"}],
        [{"strikes": 2, "kind": "mute"}, {"strikes": 2, "kind": "ban"}],
        "mute",
    ],
)
def test_ladders_that_make_no_sense_are_refused(lobby: Room, ladder: object) -> None:
    with pytest.raises(Invalid, match="ladder"):
        room_policies.change(lobby.pk, by=None, ways={"ladder": ladder})


def test_the_last_rung_is_for_every_strike_above_it() -> None:
    conduct = RoomSettings.model_validate({"ladder": LADDER})
    kinds = [(rung := conduct.penalty(n)) and rung.kind for n in range(1, 7)]
    assert kinds == [None, "timeout", "mute", "ban", "ban", "ban"]


def test_a_purge_takes_each_message_out_with_a_seq_of_its_own(lobby: Room, mina: User) -> None:
    began = timezone.now()
    mine = [posted(lobby, f"message {number}") for number in range(3)]
    other = posted(lobby, "not mine", author=Author(id="gother", name="other"))
    domain_events = removal.purge(lobby.pk, "gabc", since=began, by=mina, reason="a flood")
    assert [event.row.pk for event in domain_events] == [row.pk for row in mine]
    assert [event.row.changed for event in domain_events] == [5, 6, 7]
    told = catch_up.recover(lobby.pk, 4).messages
    assert [(m.seq, m.changed, m.removed, m.body) for m in told] == [
        (1, 5, True, ""),
        (2, 6, True, ""),
        (3, 7, True, ""),
    ]
    other.refresh_from_db()
    assert other.removed_at is None
    assert not Message.objects.filter(author_key="gabc").exclude(body="").exists()
    assert removal.purge(lobby.pk, "gabc", since=began, by=mina) == []
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason) == ("author.purged", "a flood")
    assert entry.details["messages"] == [row.pk for row in mine]


def test_what_was_purged_comes_back_by_no_decision(lobby: Room, mina: User) -> None:
    room_policies.change(lobby.pk, by=mina, parts={"ladders": {"link": {"alert": 1}}})
    lobby.refresh_from_db()
    (settled,) = settle(lobby, "see https://shop.example/x")
    review = Review.objects.get(message=settled.row)
    removal.purge(lobby.pk, "gabc", since=timezone.now() - dt.timedelta(hours=1), by=mina)
    with pytest.raises(Conflict):
        reviews.decide(review.pk, approve=True, by=mina)
    with pytest.raises(Conflict):
        appeals.appeal(lobby, str(review.message_id), GUEST_VISITOR, "why?")
    assert [m.body for m in catch_up.recover(lobby.pk, 0).messages] == [""]


def test_a_purge_takes_what_is_hidden_and_what_is_held(lobby: Room, mina: User) -> None:
    room_policies.change(lobby.pk, by=mina, ways={"hide_reports": 1})
    lobby.refresh_from_db()
    lobby.members.create(user=mina, role="moderator")
    hidden = posted(lobby, "awful words")
    reporter = Visitor(key=f"u{mina.pk}", id=mina.pk, name="mina", user_id=mina.pk)
    assert reports.file(lobby, str(hidden.pk), reporter, "rude") is not None
    held = settle(lobby, HELD)[0].row
    assert held is not None
    began = timezone.now() - dt.timedelta(hours=1)
    domain_events = removal.purge(lobby.pk, "gabc", since=began, by=mina)
    assert [type(event).__name__ for event in domain_events] == [
        "Removed",
        "Settled",
        "Closed",
        "Closed",
    ]
    for row in (hidden, held):
        row.refresh_from_db()
        assert (row.body, row.reason) == ("", "moderator")
        assert (row.verdict or {})["body"] != ""
    assert held.status == "rejected"
    frames = [
        frame for _, frame in events.of_domain_events(domain_events).authors[f"u{mina.pk}"].events
    ]
    assert len([frame for frame in frames if b'"review.closed"' in frame]) == 2
    assert list(reviews.queue()) == []
    for review in Review.objects.all():
        assert (review.state, review.decided_by, review.hidden) == ("rejected", mina, False)
        with pytest.raises(Conflict):
            reviews.decide(review.pk, approve=True, by=mina)
        with pytest.raises(Conflict):
            appeals.appeal(lobby, str(review.message_id), GUEST_VISITOR, "why?")
        with pytest.raises(Conflict):
            reviews.undo(review.pk, by=None)
    assert removal.purge(lobby.pk, "gabc", since=began, by=mina) == []


@pytest.mark.parametrize("minutes", [(None, 1), (1, None), (60, 1), (1, 60)])
def test_of_several_sanctions_the_longest_counts(
    lobby: Room, minutes: tuple[int | None, ...]
) -> None:
    for kind in ("mute", "ban"):
        for length in minutes:
            sanctions.impose(lobby, "gabc", kind, minutes=length)
    right = room_rights.rights({lobby: ["gabc"]})[lobby.pk, "gabc"]
    for found in (right.muted, right.banned):
        assert found is not None
        left = None if found.until is None else round((found.until - timezone.now()).seconds / 60)
        assert left == (None if None in minutes else 60)


def test_a_sanction_reaches_the_rights(lobby: Room) -> None:
    sanctions.impose(lobby, "gabc", "ban", reason="enough")
    right = room_rights.rights({lobby: ["gabc"]})[lobby.pk, "gabc"]
    assert right.banned is not None
