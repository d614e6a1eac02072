"""Reports: each counts once, and enough trusted ones hide a message until it is reviewed."""

import pytest
from django.contrib.auth.models import User

from bus.chat.visitors import Visitor
from bus.enforcement import review_serializer, room_policies, sanctions
from bus.models import AuditEntry, Report, Review, Room
from bus.posting import catch_up, edit, events
from bus.protocol.errors import Conflict, Invalid, NotFound
from bus.review import reports, reviews
from tests.support.factories import GUEST_VISITOR, HELD, posted, room, settle, visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lobby() -> Room:
    return room()


def test_three_trusted_reports_hide_a_message_until_it_is_reviewed(lobby: Room) -> None:
    row = posted(lobby)
    people = [visitor(f"member{number}") for number in range(4)]
    first, second, third, fourth = (reports.file(lobby, str(row.pk), one, "rude") for one in people)
    assert first is not None
    assert (first.kind, first.hidden_now, second) == ("reported", False, None)
    assert third is not None
    assert (third.hidden_now, fourth) == (True, None)
    (hidden,) = catch_up.recover(lobby.pk, 0).messages
    assert (hidden.removed, hidden.body, hidden.changed) == (True, "", 2)
    told = events.of_report(third)
    ((seq, frame),) = told.rooms[lobby.pk].events
    assert (seq, b'"reported"' in frame) == (2, True)
    decision = reviews.decide(third.pk, approve=True, by=None)
    told = events.of_domain_events(decision.domain_events)
    ((seq, frame),) = told.rooms[lobby.pk].events
    assert (seq, b"good morning" in frame) == (3, True)
    (shown,) = catch_up.recover(lobby.pk, 0).messages
    assert (shown.removed, shown.body) == (False, "good morning")
    # What a moderator let stand stays, whoever else complains.
    assert reports.file(lobby, str(row.pk), visitor("late"), "rude") is None


def test_reports_of_the_same_of_guests_and_of_new_accounts_do_not_hide(lobby: Room) -> None:
    row = posted(lobby)
    one = visitor("one")
    muted = visitor("muted")
    sanctions.impose(lobby, muted.key, "mute")
    others = [visitor("new", days=0), Visitor(key="gx", id="gx", name="guest"), muted]
    for by in (one, one, one, *others, visitor("two")):
        reports.file(lobby, str(row.pk), by, "rude")
    # Of who may not write nothing is kept.
    assert Report.objects.count() == 4
    assert Report.objects.filter(trusted=True).count() == 2
    row.refresh_from_db()
    assert row.removed_at is None
    # Who was made a member is trusted from the first day.
    new = visitor("newer", days=0)
    lobby.members.create(user_id=new.user_id)
    review = reports.file(lobby, str(row.pk), new, "rude")
    assert review is not None
    assert review.hidden_now


def test_the_number_of_reports_is_the_rooms(lobby: Room) -> None:
    room_policies.change(lobby.pk, by=None, ways={"hide_reports": 1})
    review = reports.file(lobby, str(posted(lobby).pk), visitor("one"), "rude")
    assert review is not None
    assert review.hidden_now
    room_policies.change(lobby.pk, by=None, ways={"hide_reports": 0})
    row = posted(lobby, "another one")
    for number in range(5):
        reports.file(lobby, str(row.pk), visitor(f"m{number}"), "rude")
    row.refresh_from_db()
    assert row.removed_at is None


def test_an_operator_puts_back_what_reports_hid(lobby: Room) -> None:
    room_policies.change(lobby.pk, by=None, ways={"hide_reports": 1})
    row = posted(lobby)
    one = visitor("one")
    review = reports.file(lobby, str(row.pk), one, "rude")
    assert review is not None
    entry = AuditEntry.objects.get(action="message.hidden")
    assert entry.undo == f"moderation undo {review.pk}"
    with pytest.raises(Conflict):
        reviews.undo(review.pk, by=User.objects.get(pk=one.user_id))
    undone = reviews.undo(review.pk, by=None)
    assert [type(event).__name__ for event in undone.domain_events] == ["Shown", "Opened"]
    (shown,) = catch_up.recover(lobby.pk, 2).messages
    assert (shown.removed, shown.body) == (False, "good morning")
    assert list(reviews.queue()) == [review]
    with pytest.raises(Conflict):
        reviews.undo(review.pk, by=None)


def test_what_was_put_back_is_hidden_by_as_many_new_reports(lobby: Room) -> None:
    row = posted(lobby)
    for number in range(3):
        review = reports.file(lobby, str(row.pk), visitor(f"one{number}"), "rude")
    assert review is not None
    reviews.undo(review.pk, by=None)
    found = [reports.file(lobby, str(row.pk), visitor(f"two{n}"), "rude") for n in range(3)]
    assert found == [None, None, review]
    row.refresh_from_db()
    assert row.removed_at is not None


def test_moderators_see_what_was_reported_of_an_alerted_message(lobby: Room) -> None:
    (settled,) = settle(lobby, "shut up")
    assert settled.row is not None
    for number in range(3):
        review = reports.file(lobby, str(settled.row.pk), visitor(f"m{number}"), f"rude {number}")
    assert review is not None
    told = review_serializer.of(review)
    assert (told.kind, told.reports) == ("alert", ["rude 0", "rude 1", "rude 2"])


def test_a_reported_message_that_is_rejected_stays_out_and_tells_once(lobby: Room) -> None:
    row = posted(lobby)
    review = reports.file(lobby, str(row.pk), visitor("one"), "rude")
    assert review is not None
    decision = reviews.decide(review.pk, approve=False, by=None)
    assert [type(event).__name__ for event in decision.domain_events] == ["Removed", "Closed"]
    with pytest.raises(NotFound):
        reviews.decide(999_999, approve=False, by=None)
    assert catch_up.recover(lobby.pk, 0).messages[0].body == ""


def test_what_its_author_removes_meanwhile_comes_back_by_no_decision(lobby: Room) -> None:
    room_policies.change(lobby.pk, by=None, ways={"hide_reports": 1})
    row = posted(lobby, "regretted")
    review = reports.file(lobby, str(row.pk), visitor("one"), "rude")
    assert review is not None
    edit.remove(lobby.pk, str(row.pk), GUEST_VISITOR)
    decision = reviews.decide(review.pk, approve=True, by=None)
    assert [type(event).__name__ for event in decision.domain_events] == ["Closed"]
    (message,) = catch_up.recover(lobby.pk, 0).messages
    assert (message.removed, message.removed_by, message.body) == (True, "author", "")
    row.refresh_from_db()
    assert row.body == ""


def test_only_what_can_be_read_can_be_reported(lobby: Room) -> None:
    (held,) = settle(lobby, HELD)
    assert held.row is not None
    row = posted(lobby)
    ids = (held.row.pk, 10**9, "9" * 30, "abc", "")
    for place, id_ in ((room("other"), row.pk), *((lobby, id_) for id_ in ids)):
        with pytest.raises(NotFound):
            reports.file(place, str(id_), GUEST_VISITOR, "rude")
    assert Review.objects.filter(kind="reported").count() == 0


@pytest.mark.parametrize("reason", ["a\x00b", "a\ud800b"])
def test_a_reason_that_cannot_be_stored_is_refused(lobby: Room, reason: str) -> None:
    row = posted(lobby)
    with pytest.raises(Invalid, match="reason"):
        reports.file(lobby, str(row.pk), GUEST_VISITOR, reason)
    assert not Report.objects.exists()
