"""Reviews: claimed by one, decided once, taken back, appealed against, and expired."""

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from bus.enforcement import room_policies, sanctions, strikes, training_labels
from bus.models import AuditEntry, Label, Message, Review, Room
from bus.posting import catch_up, edit, events, removal
from bus.posting import settle as posting
from bus.posting.domain_events import Closed, Opened, Posted, Removed, Settled, Shown
from bus.protocol.errors import Conflict, Invalid, NotFound
from bus.protocol.objects import Author
from bus.review import appeals, expiry, reviews
from tests.support.factories import (
    CLEAN,
    GUEST_VISITOR,
    HELD,
    REJECTED,
    posted,
    room,
    settle,
    submission,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lobby() -> Room:
    return room()


@pytest.fixture
def mina() -> User:
    return User.objects.create_user("mina")


@pytest.fixture
def sora() -> User:
    return User.objects.create_user("sora")


def held(place: Room, body: str = HELD) -> Review:
    (settled,) = settle(place, body)
    return Review.objects.get(message=settled.row)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do all at the same time, each with a connection of its own; results or errors."""
    together = threading.Barrier(len(acts))
    results: list[object] = [None] * len(acts)

    def run(at: int, act: Callable[[], object]) -> None:
        together.wait()
        try:
            results[at] = act()
        except Exception as error:
            results[at] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def age(review: Review, seconds: float) -> None:
    """As if it had been decided so long ago."""
    assert review.decided_at is not None
    Review.objects.filter(pk=review.pk).update(
        decided_at=review.decided_at - dt.timedelta(seconds=seconds)
    )


def test_what_is_held_waits_in_the_queue_with_its_rule_and_its_limit(lobby: Room) -> None:
    first, second = held(lobby), held(lobby, HELD + "2")
    assert list(reviews.queue()) == [first, second]
    assert list(reviews.queue([room("other")])) == []
    assert (first.kind, first.reason, first.rule) == ("held", "link", "links")
    assert first.expires_at is not None
    assert first.expires_at - first.opened_at == dt.timedelta(days=1)


def test_an_alert_is_posted_and_waits_in_the_queue() -> None:
    place = room(policy_parts={"ladders": {"link": {"alert": 1}}})
    (settled,) = settle(place, "see https://shop.example/x")
    assert settled.row is not None
    assert settled.row.status == "posted"
    (opened,) = settled.domain_events
    assert isinstance(opened, Opened)
    assert (opened.review.kind, opened.review.expires_at) == ("alert", None)


def test_a_claim_keeps_others_away_until_its_lease_ends(
    lobby: Room, mina: User, sora: User
) -> None:
    review = held(lobby)
    until = reviews.claim(review.pk, mina).claimed_until
    with pytest.raises(Conflict, match="mina"):
        reviews.claim(review.pk, sora)
    with pytest.raises(Conflict, match="mina"):
        reviews.decide(review.pk, approve=True, by=sora)
    renewed = reviews.claim(review.pk, mina).claimed_until
    assert until is not None
    assert renewed is not None
    assert renewed > until
    Review.objects.update(claimed_until=timezone.now())
    assert reviews.claim(review.pk, sora).claimed_by == sora
    reviews.release(review.pk, mina)
    assert Review.objects.get().claimed_by == sora
    reviews.release(review.pk, sora)
    assert reviews.decide(review.pk, approve=True, by=mina).review.state == "approved"


def test_of_two_who_claim_at_once_one_gets_it(lobby: Room, mina: User, sora: User) -> None:
    review = held(lobby)
    results = at_once(
        lambda: reviews.claim(review.pk, mina), lambda: reviews.claim(review.pk, sora)
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Review"]


def test_of_many_who_decide_at_once_the_first_wins_and_the_others_are_told(
    lobby: Room, mina: User, sora: User
) -> None:
    for number in range(5):
        review = held(lobby, f"{HELD}{number}")
        results = at_once(
            *(
                lambda by=by, approve=approve, pk=review.pk: reviews.decide(
                    pk, approve=approve, by=by
                )
                for by in (mina, sora)
                for approve in (True, False)
            )
        )
        assert [type(result).__name__ for result in results].count("Decision") == 1
        told = [result for result in results if isinstance(result, Conflict)]
        assert len(told) == 3
        assert all("decided already" in error.text for error in told)
        (won,) = (result for result in results if isinstance(result, reviews.Decision))
        review.refresh_from_db()
        assert (review.state, review.decided_by) == (won.review.state, won.review.decided_by)
    lobby.refresh_from_db()
    assert seqs_are_whole(lobby)
    assert AuditEntry.objects.filter(action__startswith="review.").count() == 5


def seqs_are_whole(place: Room) -> bool:
    given = Message.objects.filter(room=place).exclude(seq=None).values_list("seq", flat=True)
    return sorted(given) == list(range(1, place.head + 1))


def test_a_decision_says_what_must_be_told(lobby: Room, mina: User) -> None:
    approved = reviews.decide(held(lobby).pk, approve=True, by=mina)
    assert [type(event) for event in approved.domain_events] == [Posted, Settled, Closed]
    rejected = reviews.decide(held(lobby, HELD + "2").pk, approve=False, by=mina)
    assert [type(event) for event in rejected.domain_events] == [Settled, Closed]
    told = events.of_domain_events(approved.domain_events + rejected.domain_events)
    assert [seq for seq, _ in told.rooms[lobby.pk].events] == [1]
    assert len(told.authors["gabc"].events) == 2


def test_a_decision_is_taken_back_within_ten_seconds(lobby: Room, mina: User) -> None:
    review = held(lobby)
    reviews.decide(review.pk, approve=False, by=mina)
    undone = reviews.undo(review.pk, by=mina)
    assert (undone.review.state, undone.row.status, undone.row.reason) == ("open", "held", "link")
    assert [type(event) for event in undone.domain_events] == [Settled, Opened]
    reviews.decide(review.pk, approve=True, by=mina)
    undone = reviews.undo(review.pk, by=mina)
    # It has been in the room, so it leaves it with a seq of its own, and comes back with another.
    assert (undone.row.status, undone.row.seq, undone.row.changed) == ("posted", 1, 2)
    assert [type(event) for event in undone.domain_events] == [Removed, Opened]
    (hidden,) = catch_up.recover(lobby.pk, 0).messages
    assert (hidden.removed, hidden.body) == (True, "")
    again = reviews.decide(review.pk, approve=True, by=mina)
    assert [type(event) for event in again.domain_events] == [Shown, Closed]
    (shown,) = catch_up.recover(lobby.pk, 2).messages
    assert (shown.removed, shown.body, shown.changed) == (False, HELD, 3)


def test_only_ones_own_decision_is_taken_back_and_not_later(
    lobby: Room, mina: User, sora: User
) -> None:
    review = held(lobby)
    with pytest.raises(Conflict):
        reviews.undo(review.pk, by=mina)
    decided = reviews.decide(review.pk, approve=True, by=mina).review
    with pytest.raises(Conflict):
        reviews.undo(review.pk, by=sora)
    age(decided, reviews.UNDO)
    with pytest.raises(Conflict, match="stands"):
        reviews.undo(review.pk, by=mina)
    assert Review.objects.get().state == "approved"


def test_an_author_appeals_once(lobby: Room, mina: User) -> None:
    (settled,) = settle(lobby, REJECTED)
    assert settled.row is not None
    id_ = str(settled.row.pk)
    opened = appeals.appeal(lobby, id_, GUEST_VISITOR, "It is a quotation.")
    assert [type(event) for event in opened.domain_events] == [Settled, Opened]
    assert (opened.review.kind, opened.review.rule, opened.row.status) == (
        "appeal",
        "words",
        "held",
    )
    with pytest.raises(Conflict):
        appeals.appeal(lobby, id_, GUEST_VISITOR, "Please!")
    reviews.decide(opened.review.pk, approve=False, by=mina)
    with pytest.raises(Conflict, match="appealed already"):
        appeals.appeal(lobby, id_, GUEST_VISITOR, "Please!")
    reviews.undo(opened.review.pk, by=mina)
    row = reviews.decide(opened.review.pk, approve=True, by=mina).row
    assert (row.status, row.seq, row.reason) == ("posted", 1, "")


def test_an_appeal_is_for_ones_own_message_that_may_not_stand(lobby: Room) -> None:
    stands = posted(lobby)
    waits = held(lobby)
    for row in (stands, waits.message):
        with pytest.raises(Conflict):
            appeals.appeal(lobby, str(row.pk), GUEST_VISITOR, "why?")
    other = type(GUEST_VISITOR)(key="gother", id="gother", name="other")
    with pytest.raises(NotFound):
        appeals.appeal(lobby, str(stands.pk), other, "why?")
    (settled,) = settle(lobby, REJECTED)
    assert settled.row is not None
    for text in ("  ", "a\x00b", "a\ud800b", "x" * 501):
        with pytest.raises(Invalid):
            appeals.appeal(lobby, str(settled.row.pk), GUEST_VISITOR, text)
    for id_ in ("abc", "9" * 30, ""):
        with pytest.raises(NotFound):
            appeals.appeal(lobby, id_, GUEST_VISITOR, "why?")


@pytest.mark.parametrize(("then", "status"), [("reject", "rejected"), ("post", "posted")])
def test_what_nobody_reviews_expires_as_the_room_says(
    lobby: Room, mina: User, then: str, status: str
) -> None:
    room_policies.change(lobby.pk, by=mina, ways={"held_minutes": 5, "held_expires": then})
    lobby.refresh_from_db()
    review = held(lobby)
    assert expiry.expire_due() == []
    Review.objects.update(expires_at=timezone.now())
    domain_events = expiry.expire_due()
    assert isinstance(domain_events[-1], Closed)
    row = Message.objects.get()
    assert (row.status, row.reason) == (status, "" if status == "posted" else "expired")
    assert expiry.expire_due() == []
    entry = AuditEntry.objects.filter(message_id=row.pk).get()
    assert entry.actor == "limit:held"
    with pytest.raises(Conflict):
        reviews.decide(review.pk, approve=True, by=mina)
    # Nobody decided, so there is nothing to learn.
    assert not Label.objects.exists()


def test_decisions_are_labels_and_undone_ones_are_not(lobby: Room, mina: User) -> None:
    good, bad = held(lobby), held(lobby, HELD + "2")
    reviews.decide(good.pk, approve=True, by=mina)
    reviews.decide(bad.pk, approve=False, by=mina)
    assert list(training_labels.labelled()) == [(0, HELD), (1, HELD + "2")]
    reviews.undo(bad.pk, by=mina)
    assert list(training_labels.labelled()) == [(0, HELD)]
    reviews.decide(bad.pk, approve=True, by=mina)
    assert list(training_labels.labelled()) == [(0, HELD), (0, HELD + "2")]


def test_what_its_author_removed_is_not_learned_from(lobby: Room, mina: User) -> None:
    first, second, third = (held(lobby, f"{HELD}{number}") for number in range(3))
    reviews.decide(first.pk, approve=True, by=mina)
    reviews.decide(second.pk, approve=False, by=mina)
    reviews.decide(third.pk, approve=True, by=mina)
    appeals.appeal(lobby, str(second.message_id), GUEST_VISITOR, "why?")
    for review in (first, second):
        edit.remove(lobby.pk, str(review.message_id), GUEST_VISITOR)
    assert list(training_labels.labelled()) == [(0, HELD + "2")]
    # There is no text to decide about any more.
    with pytest.raises(Conflict, match="gone"):
        reviews.undo(first.pk, by=None)


def test_every_decision_is_in_the_log_with_its_undo(lobby: Room, mina: User) -> None:
    review = held(lobby)
    reviews.decide(review.pk, approve=False, by=mina, note="an advert")
    entry = AuditEntry.objects.get(action="review.rejected")
    assert (entry.actor, entry.reason) == (f"user:{mina.pk} mina", "an advert")
    assert entry.undo == f"moderation undo {review.pk}"
    assert entry.message_id == review.message_id
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(TypeError):
            change()
    with pytest.raises(TypeError):
        AuditEntry.objects.update(reason="")
    lobby.delete()
    assert AuditEntry.objects.get(action="review.rejected").room_name == "lobby"


def test_moderators_hear_of_reviews(lobby: Room, mina: User) -> None:
    lobby.members.create(user=mina, role="moderator")
    review = held(lobby)
    review.message.room = lobby
    told = events.of_domain_events([Opened(review)])
    ((_, frame),) = told.authors[f"u{mina.pk}"].events
    assert b'"type":"review.opened"' in frame
    assert HELD.encode() in frame
    assert CLEAN.encode() not in frame


@pytest.mark.parametrize(("then", "approve"), [("reject", True), ("post", False)])
def test_the_clock_does_not_overturn_an_undo(
    lobby: Room, mina: User, then: str, approve: bool
) -> None:
    room_policies.change(lobby.pk, by=mina, ways={"held_minutes": 5, "held_expires": then})
    lobby.refresh_from_db()
    review = held(lobby)
    reviews.decide(review.pk, approve=approve, by=mina)
    Review.objects.update(expires_at=timezone.now())
    undone = reviews.undo(review.pk, by=mina).review
    assert undone.expires_at is not None
    left = undone.expires_at - timezone.now()
    assert dt.timedelta(minutes=4) < left <= dt.timedelta(minutes=5)
    assert expiry.expire_due() == []
    # What the clock decided is taken back by the command in the log, and stays so.
    Review.objects.update(expires_at=timezone.now())
    assert expiry.expire_due() != []
    entry = AuditEntry.objects.get(actor="limit:held")
    assert entry.undo == f"moderation undo {review.pk}"
    reviews.undo(review.pk, by=None)
    assert expiry.expire_due() == []
    assert list(reviews.queue()) == [review]


def test_an_undo_has_no_end_where_the_room_has_none(lobby: Room, mina: User) -> None:
    review = held(lobby)
    reviews.decide(review.pk, approve=False, by=mina)
    room_policies.change(lobby.pk, by=mina, ways={"held_minutes": 0})
    assert reviews.undo(review.pk, by=mina).review.expires_at is None


def test_what_its_author_withdrew_is_not_opened_again(lobby: Room) -> None:
    review = held(lobby)
    edit.remove(lobby.pk, str(review.message_id), GUEST_VISITOR)
    with pytest.raises(Conflict, match="gone"):
        reviews.undo(review.pk, by=None)


def gone(place: Room, author: User) -> None:
    User.objects.filter(pk=author.pk).update(is_active=False)


def banned(place: Room, author: User) -> None:
    sanctions.impose(place, f"u{author.pk}", "ban", by=None)


def muted(place: Room, author: User) -> None:
    sanctions.impose(place, f"u{author.pk}", "mute", by=None)


def archived(place: Room, author: User) -> None:
    Room.objects.filter(pk=place.pk).update(archived_at=timezone.now())


@pytest.mark.parametrize("meanwhile", [gone, banned, muted, archived])
def test_the_clock_posts_nothing_for_those_who_may_not_write_any_more(
    lobby: Room, mina: User, meanwhile: Callable[[Room, User], None]
) -> None:
    room_policies.change(lobby.pk, by=None, ways={"held_expires": "post"})
    settle(lobby, HELD, author=Author(id=mina.pk, name="mina"))
    meanwhile(lobby, mina)
    Review.objects.update(expires_at=timezone.now())
    assert [type(event) for event in expiry.expire_due()] == [Settled, Closed]
    row = Message.objects.get()
    assert (row.status, row.reason, row.seq) == ("rejected", "expired", None)


def test_the_clock_stars_what_the_policy_stars(lobby: Room) -> None:
    room_policies.change(lobby.pk, by=None, ways={"held_expires": "post"})
    body = "holy shit, look at bit.ly/xyz"
    assert held(lobby, body).reason == "link"
    Review.objects.update(expires_at=timezone.now())
    expiry.expire_due()
    row = Message.objects.get()
    assert (row.status, row.body) == ("posted", "*********, look at bit.ly/xyz")
    assert training_labels.as_written(row) == body


def test_a_decision_about_what_is_out_already_says_why(lobby: Room, mina: User) -> None:
    review = held(lobby)
    reviews.decide(review.pk, approve=True, by=mina)
    reviews.undo(review.pk, by=mina)
    decision = reviews.decide(review.pk, approve=False, by=mina)
    assert [type(event) for event in decision.domain_events] == [Removed, Closed]
    assert (decision.row.reason, decision.row.changed) == ("moderator", 3)
    undone = reviews.undo(review.pk, by=mina)
    assert [type(event) for event in undone.domain_events] == [Opened]
    assert undone.row.removed_at is not None
    reviews.decide(review.pk, approve=True, by=mina)
    assert catch_up.recover(lobby.pk, 0).messages[0].body == HELD


def test_what_expires_after_it_was_taken_out_says_so(lobby: Room) -> None:
    room_policies.change(lobby.pk, by=None, ways={"mode": "after", "held_minutes": 5})
    lobby.refresh_from_db()
    settle(lobby, HELD)
    Review.objects.update(expires_at=timezone.now())
    removed, closed = expiry.expire_due()
    assert isinstance(removed, Removed)
    assert isinstance(closed, Closed)
    assert (removed.reason, Message.objects.get().reason) == ("expired", "expired")


def test_what_its_author_deleted_after_a_decision_is_not_opened_by_an_undo(
    lobby: Room, mina: User
) -> None:
    review = held(lobby)
    decision = reviews.decide(review.pk, approve=True, by=mina)
    edit.remove(lobby.pk, str(decision.row.pk), GUEST_VISITOR)
    with pytest.raises(Conflict, match="gone"):
        reviews.undo(review.pk, by=mina)
    assert list(reviews.queue()) == []


def test_a_message_that_comes_again_tells_of_its_open_review(lobby: Room, mina: User) -> None:
    sent = submission(lobby, HELD, client_id="c1")
    (first,) = posting.settle([sent])
    (again,) = posting.settle([sent])
    assert [[type(f) for f in s.domain_events] for s in (first, again)] == [[Opened], [Opened]]
    assert again.repeat
    assert events.of_domain_events(again.domain_events).authors == {}
    twice = submission(lobby, HELD, client_id="c2")
    assert [len(s.domain_events) for s in posting.settle([twice, twice])] == [1, 0]
    reviews.decide(Review.objects.earliest("pk").pk, approve=True, by=mina)
    assert posting.settle([sent])[0].domain_events == []


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_what_no_database_keeps_is_refused_in_notes_and_reasons(
    lobby: Room, mina: User, text: str
) -> None:
    review = held(lobby)
    sanction = sanctions.impose(lobby, "gabc", "mute")
    since = timezone.now() - dt.timedelta(days=1)
    for act in (
        lambda: reviews.decide(review.pk, approve=True, by=mina, note=text),
        lambda: sanctions.impose(lobby, "gabc", "ban", reason=text),
        lambda: sanctions.lift(sanction.pk, by=mina, reason=text),
        lambda: strikes.pardon(1, by=mina, reason=text),
        lambda: removal.purge(lobby.pk, "gabc", since=since, by=mina, reason=text),
    ):
        with pytest.raises(Invalid, match="control"):
            act()
    assert Review.objects.get().state == "open"
