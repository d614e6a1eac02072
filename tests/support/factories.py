"""What tests of moderation share: messages that were judged and settled."""

import datetime as dt
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from bus.chat.visitors import Visitor
from bus.enforcement import room_policies
from bus.models import Message, Room
from bus.moderation import judge
from bus.posting import settle as posting
from bus.posting.settle import Settlement, Submission
from bus.protocol.channel_messages import MessageSubmitted
from bus.protocol.objects import Author

GUEST = Author(id="gabc", name="guest")
GUEST_VISITOR = Visitor(key="gabc", id="gabc", name="guest")
# What the standard policy holds, rejects, and lets stand with an alert.
HELD = "free coins at https://bit.ly/xyz"
REJECTED = "what the fuck"
CLEAN = "good morning"

_numbers = iter(range(1_000_000))


def room(name: str = "lobby", **values: Any) -> Room:
    return Room.objects.create(name=name, access="open", **values)


def visitor(name: str, *, days: int = 30) -> Visitor:
    """A user who joined some days ago."""
    joined = timezone.now() - dt.timedelta(days=days)
    user = User.objects.create_user(name, date_joined=joined)
    return Visitor(key=f"u{user.pk}", id=user.pk, name=name, user_id=user.pk)


def submission(
    place: Room, body: str = CLEAN, author: Author = GUEST, client_id: str = "", after: float = 0
) -> Submission:
    message = MessageSubmitted(
        room=place.name, author=author, body=body, client_id=client_id or f"n{next(_numbers)}"
    )
    received = timezone.now() + dt.timedelta(seconds=after)
    return Submission(place.pk, message, judge(body, room_policies.of_room(place)), received)


def settle(place: Room, *bodies: str, author: Author = GUEST) -> list[Settlement]:
    return posting.settle([submission(place, body, author) for body in bodies])


def posted(place: Room, body: str = CLEAN, author: Author = GUEST) -> Message:
    row = settle(place, body, author=author)[0].row
    assert row is not None
    assert row.status == "posted"
    return row


def seqs(place: Room) -> list[int]:
    """All seqs that the room has given out, in order; a hole would be a loss."""
    rows = Message.objects.filter(room=place).values_list("seq", "changed")
    return sorted({n for pair in rows for n in pair if n is not None})
