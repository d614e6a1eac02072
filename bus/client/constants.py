"""What the protocol says: codes, names and limits; written by `make docs`."""

SUBPROTOCOL = "bus.v1"

# Where the session's first frame does not say it: bytes of a frame, seconds.
FRAME_LIMIT = 65536
HEARTBEAT = 25

# What the server closes with; with the final ones a client does not come back.
CLOSE_RESTART = 1012
CLOSE_BAD_FRAME = 4400
CLOSE_UNAUTHENTICATED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_TOO_MANY = 4429
FINAL_CODES = {
    4401: "unauthenticated",
    4403: "forbidden",
    4409: "replaced",
}

# Refusals that asking again may mend, and those that only ask for a pause.
TRANSIENT = frozenset({"busy", "unavailable", "internal"})
LIMITS = frozenset({"rate_limited", "slow_mode"})

# Events that take a `seq` of their room, and what listeners know events by.
SEQUENCED = {
    "message.posted": "message",
    "message.edited": "edited",
    "message.removed": "removed",
}
NAMES = {
    "message.posted": "message",
    "message.edited": "edited",
    "message.removed": "removed",
    "message.settled": "settled",
    "presence.changed": "presence",
    "typing.changed": "typing",
    "room.changed": "changed",
    "member.changed": "member",
    "event.published": "event",
}
