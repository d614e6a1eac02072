"""What Bus stores: rooms, members, messages and what comes of them, keys, names, sends, tasks."""

from bus.models.api_key import ApiKey
from bus.models.arrival import Arrival
from bus.models.audit_entry import AuditEntry
from bus.models.dry_run import DryRun
from bus.models.erasure import Erasure
from bus.models.label import Label
from bus.models.listing import Listing
from bus.models.member import Member
from bus.models.message import Message
from bus.models.network import GuestNetwork, SanctionNetwork
from bus.models.queued_send import QueuedSend
from bus.models.read_mark import ReadMark
from bus.models.report import Report
from bus.models.review import Review
from bus.models.room import Room
from bus.models.sanction import Sanction
from bus.models.strike import Strike
from bus.models.taken_name import TakenName
from bus.models.task_result import TaskResult

__all__ = [
    "ApiKey",
    "Arrival",
    "AuditEntry",
    "DryRun",
    "Erasure",
    "GuestNetwork",
    "Label",
    "Listing",
    "Member",
    "Message",
    "QueuedSend",
    "ReadMark",
    "Report",
    "Review",
    "Room",
    "Sanction",
    "SanctionNetwork",
    "Strike",
    "TakenName",
    "TaskResult",
]
