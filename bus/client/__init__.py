"""A client of Bus for bots, services and tests; needs `websockets` alone, and no Django.

async with connect("wss://chat.example.org/ws/", token=token) as bus:
    room = bus.room("lobby")
    messages = room.messages()
    await room.join()
    await room.send("hi").settled
    async for message in messages:
        print(message.author.name, message.body)

It behaves as `client.js` does: a lost connection comes back, each room then gets what it missed,
and what was not settled is sent again with the same `client_id`. docs/how-to/bot.md builds a bot.
"""

from bus.client.bus import Bus, State, connect
from bus.client.errors import ClientError, Overrun, Rejected, TooLong, Unanswered
from bus.client.message import Author, Message, Removal
from bus.client.room import Room
from bus.client.sent import Outcome, Reason, Sent, Status
from bus.client.sequencer import Gap, Joined
from bus.client.stream import Stream

__all__ = [
    "Author",
    "Bus",
    "ClientError",
    "Gap",
    "Joined",
    "Message",
    "Outcome",
    "Overrun",
    "Reason",
    "Rejected",
    "Removal",
    "Room",
    "Sent",
    "State",
    "Status",
    "Stream",
    "TooLong",
    "Unanswered",
    "connect",
]
