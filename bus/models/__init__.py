"""What Bus stores: rooms, members, messages, reviews, sanctions, and sends that wait."""

from bus.models.member import Member
from bus.models.message import Message
from bus.models.queued_send import QueuedSend
from bus.models.review import Review
from bus.models.room import Room
from bus.models.sanction import Sanction

__all__ = ["Member", "Message", "QueuedSend", "Review", "Room", "Sanction"]
