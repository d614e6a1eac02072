"""What Bus stores: rooms, members, messages, reviews, sanctions, API keys, and sends that wait."""

from bus.models.api_key import ApiKey
from bus.models.member import Member
from bus.models.message import Message
from bus.models.queued_send import QueuedSend
from bus.models.review import Review
from bus.models.room import Room
from bus.models.sanction import Sanction

__all__ = ["ApiKey", "Member", "Message", "QueuedSend", "Review", "Room", "Sanction"]
