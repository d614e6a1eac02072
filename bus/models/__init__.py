"""What Bus stores: rooms, members, messages, reviews and sanctions."""

from bus.models.member import Member
from bus.models.message import Message
from bus.models.review import Review
from bus.models.room import Room
from bus.models.sanction import Sanction

__all__ = ["Member", "Message", "Review", "Room", "Sanction"]
