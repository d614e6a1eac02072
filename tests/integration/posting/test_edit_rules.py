"""Edits are judged by who their author is, and looked at again where the words changed."""

import pytest

from bus.chat.visitors import Visitor
from bus.enforcement import room_policies
from bus.models import AuditEntry, Message, Report, Review, Room, Strike
from bus.posting import edit as edits
from bus.posting.domain_events import Opened
from bus.posting.edit import NotAllowed
from bus.review import reports, reviews
from tests.support.factories import (
    CLEAN,
    GUEST_VISITOR,
    REJECTED,
    posted,
    room,
    settle,
    visitor,
)

pytestmark = pytest.mark.django_db(transaction=True)

ALERTING = "shut up"


@pytest.fixture
def lobby() -> Room:
    return room()


def edit(place: Room, row: Message, body: str, by: Visitor = GUEST_VISITOR) -> edits.Change:
    return edits.edit(place.pk, str(row.pk), by, body)


def refused(place: Room, row: Message, body: str, by: Visitor = GUEST_VISITOR) -> str:
    with pytest.raises(NotAllowed) as error:
        edit(place, row, body, by)
    row.refresh_from_db()
    assert row.body == CLEAN
    return error.value.reason.code


def test_an_edit_has_the_limits_of_new_members(lobby: Room) -> None:
    parts = {"new_seconds": 86_400, "new_max_links": 0, "new_max_mentions": 1}
    room_policies.change(lobby.pk, by=None, parts=parts)
    new, old = visitor("new", days=0), visitor("old")
    for by in (GUEST_VISITOR, new):
        row = posted(lobby, author=by.author)
        assert refused(lobby, row, "see https://shop.example/x", by) == "spam"
        assert refused(lobby, row, "hello @mina and @sora", by) == "mentions"
    row = posted(lobby, author=old.author)
    for body in ("see https://shop.example/x", "hello @mina and @sora"):
        assert edit(lobby, row, body, old).row.body == body


def test_an_edit_in_a_raid_is_refused(lobby: Room) -> None:
    row = posted(lobby)
    room_policies.raid(lobby.pk, 3600, by=None)
    assert refused(lobby, row, "everybody look here") == "new_member"


def test_strikes_hold_what_an_edit_would_alert_to(lobby: Room) -> None:
    row = posted(lobby)
    room_policies.change(lobby.pk, by=None, parts={"strikes_to_hold": 1})
    edit(lobby, posted(lobby, "another"), ALERTING)
    settle(lobby, REJECTED)
    assert refused(lobby, row, ALERTING) == "harassment"


def test_a_refused_edit_is_no_strike_and_is_in_the_log(lobby: Room) -> None:
    row = posted(lobby)
    assert refused(lobby, row, REJECTED) == "blocked_word"
    assert not Strike.objects.exists()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.reason) == (
        "edit.refused",
        "rule:words",
        "blocked_word",
    )
    assert (entry.message_id, entry.author_key) == (row.pk, "gabc")


def let_stand(place: Room, row: Message, by: list[Visitor]) -> Review:
    """Have it reported, and found harmless."""
    for one in by:
        reports.file(place, str(row.pk), one, "rude")
    review = Review.objects.get(message=row)
    return reviews.decide(review.pk, approve=True, by=None).review


def test_what_was_let_stand_and_is_then_changed_is_reported_again(lobby: Room) -> None:
    row = posted(lobby)
    people = [visitor(f"m{number}") for number in range(3)]
    before = let_stand(lobby, row, people)
    late = visitor("late")
    assert reports.file(lobby, str(row.pk), late, "rude") is None
    edit(lobby, row, "quite other words")
    # Of those who reported the old words, nobody counts until they report the new ones.
    again = reports.file(lobby, str(row.pk), people[0], "worse")
    assert again is not None
    assert (again.pk, again.state, again.kind, again.hidden_now) == (
        before.pk,
        "open",
        "reported",
        False,
    )
    assert (again.decided_at, again.decided_by, again.effect) == (None, None, "")
    assert list(reviews.queue()) == [again]
    assert reports.file(lobby, str(row.pk), people[0], "worse") is None
    assert reports.file(lobby, str(row.pk), late, "worse") is None
    hiding = reports.file(lobby, str(row.pk), people[2], "worse")
    assert hiding is not None
    assert hiding.hidden_now
    assert Report.objects.count() == 4
    decided = reviews.decide(hiding.pk, approve=False, by=None)
    assert decided.row.removed_at is not None


def test_an_edit_that_alerts_opens_a_review_that_was_decided(lobby: Room) -> None:
    row = posted(lobby)
    before = let_stand(lobby, row, [visitor("one")])
    assert len(edit(lobby, row, "other words").domain_events) == 1
    _shown, opened = edit(lobby, row, ALERTING).domain_events
    assert isinstance(opened, Opened)
    (waiting,) = reviews.queue()
    assert (waiting.pk, waiting.kind, waiting.reason, waiting.rule) == (
        before.pk,
        "alert",
        "harassment",
        "words",
    )
    assert waiting.decided_at is None
    assert waiting.message.body == ALERTING
