"""Settling messages: seq, outcomes, repeats and rights, in one transaction."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from bus.chat import history
from bus.models import Member, Message, Review, Room, Sanction
from bus.moderation import POLICIES, judge
from bus.posting import catch_up
from bus.posting import settle as posting
from bus.posting.settle import Settlement, Submission
from bus.protocol.channel_messages import MessageSubmitted
from bus.protocol.errors import Conflict
from bus.protocol.objects import Author
from bus.review import reviews

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lobby() -> Room:
    return Room.objects.create(name="lobby", access="open")


@pytest.fixture
def mina() -> User:
    return User.objects.create_user("mina")


def submission(
    room: Room,
    body: str = "hello",
    client_id: str = "c1",
    author: Author | None = None,
    after: float = 0,
    **more: str,
) -> Submission:
    message = MessageSubmitted(
        room=room.name,
        author=author or Author(id="gabc", name="guest"),
        body=body,
        client_id=client_id,
        **more,
    )
    return Submission(
        room.pk,
        message,
        judge(body, POLICIES[room.moderation]),
        timezone.now() + dt.timedelta(seconds=after),
    )


def settle(*submissions: Submission) -> list[Settlement]:
    return posting.settle(submissions)


def test_seq_is_contiguous_per_room_and_skips_what_is_not_posted(lobby: Room) -> None:
    other = Room.objects.create(name="other", access="open")
    settled = settle(
        submission(lobby, client_id="1"),
        submission(other, client_id="1"),
        submission(lobby, "what the fuck", client_id="2"),
        submission(lobby, client_id="3"),
        submission(other, client_id="2"),
    )
    assert [(s.row.room.name, s.row.status, s.row.seq) for s in settled if s.row] == [
        ("lobby", "posted", 1),
        ("other", "posted", 1),
        ("lobby", "rejected", None),
        ("lobby", "posted", 2),
        ("other", "posted", 2),
    ]
    lobby.refresh_from_db()
    assert lobby.head == 2


def test_a_repeat_has_the_first_outcome(lobby: Room) -> None:
    (first,) = settle(submission(lobby, "hello"))
    again, twin = settle(submission(lobby, "something else"), submission(lobby, "and again"))
    assert again.row == twin.row == first.row
    assert (first.repeat, again.repeat, twin.repeat) == (False, True, True)
    assert Message.objects.get().body == "hello"


def test_a_repeat_in_the_same_batch_is_one_message(lobby: Room) -> None:
    first, second = settle(submission(lobby), submission(lobby))
    assert (first.repeat, second.repeat) == (False, True)
    assert Message.objects.count() == 1


def test_the_same_client_id_of_another_author_or_room_is_another_message(lobby: Room) -> None:
    other = Room.objects.create(name="other", access="open")
    settle(
        submission(lobby),
        submission(other),
        submission(lobby, author=Author(id="gdef", name="guest")),
    )
    assert Message.objects.count() == 3


def test_a_held_message_opens_a_review_and_has_no_seq() -> None:
    strict = Room.objects.create(name="strict", access="open", moderation="strict")
    (held,) = settle(submission(strict, "look at https://shop.example/x"))
    assert held.row is not None
    assert (held.row.status, held.row.seq, held.row.reason) == ("held", None, "link")
    assert Review.objects.get().message == held.row


def test_approval_posts_with_a_new_seq_and_the_first_decision_stands(mina: User) -> None:
    strict = Room.objects.create(name="strict", access="open", moderation="strict")
    settle(
        submission(strict, "see https://shop.example/x"), submission(strict, "hi", client_id="c2")
    )
    review = Review.objects.get()
    row = reviews.decide(review.pk, approve=True, by=mina).row
    assert (row.status, row.seq) == ("posted", 2)
    with pytest.raises(Conflict):
        reviews.decide(review.pk, approve=False, by=mina)
    assert [m.seq for m in catch_up.recover(strict.pk, 0).messages] == [1, 2]


def test_a_rejecting_review_tells_the_reason(mina: User) -> None:
    strict = Room.objects.create(name="strict", access="open", moderation="strict")
    settle(submission(strict, "see https://shop.example/x"))
    row = reviews.decide(Review.objects.get().pk, approve=False, by=mina).row
    told = history.outcome(row)
    assert (told.status, told.reason and told.reason.code) == ("rejected", "moderator")


@pytest.mark.parametrize(
    ("kind", "reason"), [("mute", "muted"), ("timeout", "muted"), ("ban", "banned")]
)
def test_sanctions_hold_at_the_write(lobby: Room, kind: str, reason: str) -> None:
    Sanction.objects.create(room=lobby, author_key="gabc", kind=kind)
    (settled,) = settle(submission(lobby))
    assert settled.row is not None
    assert (settled.row.status, settled.row.reason) == ("rejected", reason)


@pytest.mark.parametrize(
    "values",
    [
        {"until": timezone.now() - dt.timedelta(seconds=1)},
        {"lifted_at": timezone.now()},
        {"author_key": "gother"},
    ],
)
def test_sanctions_that_ended_or_are_of_others_do_not(
    lobby: Room, values: dict[str, object]
) -> None:
    Sanction.objects.create(room=lobby, **{"author_key": "gabc", "kind": "mute", **values})
    (settled,) = settle(submission(lobby))
    assert settled.row is not None
    assert settled.row.status == "posted"


def test_who_may_write_where(mina: User) -> None:
    private = Room.objects.create(name="private", access="private")
    public = Room.objects.create(name="public", access="public")
    member = User.objects.create_user("member")
    Member.objects.create(room=private, user=member)
    gone = User.objects.create_user("gone", is_active=False)

    def by(user: User) -> Author:
        return Author(id=user.pk, name=user.username)

    outcomes = [
        settle(submission(room, author=author))[0].row
        for room, author in [
            (private, by(mina)),
            (private, by(member)),
            (public, by(mina)),
            (public, Author(id="gabc", name="guest")),
            (public, by(gone)),
            (public, Author(id=999_999, name="#999999")),
            (private, Author(name="deploy bot")),
        ]
    ]
    assert [(row.status, row.reason) for row in outcomes if row] == [
        ("rejected", "forbidden"),
        ("posted", ""),
        ("posted", ""),
        ("rejected", "forbidden"),
        ("rejected", "forbidden"),
        ("rejected", "forbidden"),
        ("posted", ""),
    ]


def test_an_archived_room_takes_nothing(lobby: Room) -> None:
    Room.objects.update(archived_at=timezone.now())
    (settled,) = settle(submission(lobby))
    assert settled.row is not None
    assert settled.row.reason == "room_archived"


def test_slow_mode_holds_between_and_within_batches(lobby: Room) -> None:
    Room.objects.update(slow_mode=10)
    first, second = settle(
        submission(lobby, client_id="1"), submission(lobby, client_id="2", after=3)
    )
    third, other = settle(
        submission(lobby, client_id="3", after=11),
        submission(lobby, client_id="4", author=Author(id="gother", name="other")),
    )
    assert [s.row and (s.row.status, s.row.reason) for s in (first, second, third, other)] == [
        ("posted", ""),
        ("rejected", "slow_mode"),
        ("posted", ""),
        ("posted", ""),
    ]


def test_a_reply_points_into_its_own_room_or_nowhere(lobby: Room) -> None:
    other = Room.objects.create(name="other", access="open")
    (first,) = settle(submission(lobby))
    assert first.row is not None
    settled = settle(
        submission(lobby, client_id="2", reply_to=str(first.row.pk)),
        submission(other, client_id="2", reply_to=str(first.row.pk)),
        submission(lobby, client_id="3", reply_to="123456789"),
    )
    assert [s.row and s.row.reply_to_id for s in settled] == [first.row.pk, None, None]


def test_a_room_that_is_gone_settles_nothing(lobby: Room) -> None:
    gone = submission(lobby)
    lobby.delete()
    assert settle(gone)[0].row is None


def test_recovery_gives_what_changed_and_no_more(lobby: Room) -> None:
    settle(*(submission(lobby, f"message {n}", client_id=str(n)) for n in range(1, 8)))
    assert [m.seq for m in catch_up.recover(lobby.pk, 4).messages] == [5, 6, 7]
    at_head = catch_up.recover(lobby.pk, 7)
    assert (at_head.head, at_head.recovered, at_head.messages) == (7, True, [])
    for unknown in (-1, 8):
        recovery = catch_up.recover(lobby.pk, unknown, limit=3)
        assert (recovery.recovered, [m.seq for m in recovery.messages]) == (False, [5, 6, 7])
    page, more = history.page(lobby, before=5, after=None, limit=2)
    assert ([m.seq for m in page], more) == ([3, 4], True)
    page, more = history.page(lobby, before=None, after=5, limit=2)
    assert ([m.seq for m in page], more) == ([6, 7], False)


def test_a_removed_body_never_comes_out(lobby: Room) -> None:
    settle(submission(lobby, "regretted"))
    Message.objects.update(removed_at=timezone.now())
    (message,) = catch_up.recover(lobby.pk, 0).messages
    assert (message.removed, message.body) == (True, "")
