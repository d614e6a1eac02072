"""Takes apart what a client sends on a WebSocket (RFC 6455): bytes in, messages out.

What websockets' own parser makes of the same bytes, faster: in one loop over what is there, where
that one resumes a coroutine for each piece of a frame. Tests give both the same bytes, split in
any way. Extensions are none of its business.

Read: websockets 17.4 (frames.py, protocol.py, utils.py).
Relies on:
    websockets.utils: apply_mask
"""

from __future__ import annotations

from typing import Any

from bus.protocol.errors import CLOSE_BAD_FRAME
from bus.servers.websocket_frames import is_sendable

try:
    from websockets.speedups import apply_mask
except ImportError:  # where it is not compiled
    from websockets.utils import apply_mask

# Opcodes, and so kinds of events: a piece is each frame of a message that has more than one.
PIECE, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
# The kind of the last event where the client broke the rules.
FAULT = 16
PROTOCOL_ERROR, NO_CODE, BAD_DATA, TOO_BIG = 1002, 1005, 1007, 1009

_OPCODES = frozenset((PIECE, TEXT, BINARY, CLOSE, PING, PONG))
_WHOLE_TEXT = 0x80 | TEXT
_CONTROL_LIMIT = 125
# The largest header of a frame from a client.
_HEADER = 14

# A kind, and what came: str for TEXT, bytes for BINARY, PING and PONG, None for PIECE, code and
# reason for FAULT, and both with the payload for CLOSE.
Event = tuple[int, Any]


class _Fault(Exception):
    """Ends the parsing: a close code, and a reason."""


class FrameParser:
    """What one client sends; keeps what is not whole yet, within a limit."""

    __slots__ = (
        "_kind", "_limit", "_max_frame", "_needed", "_pieces", "_rest", "_size", "ended",
    )  # fmt: skip

    def __init__(self, max_frame: int | None, limit: int) -> None:
        """A frame that announces more than `max_frame` bytes, with the pieces before it, is a fault
        at once (1009); what makes a message larger than `limit` is one when it is there (4400)."""
        self._max_frame = max_frame
        self._limit = limit
        # The beginning of a frame, and how many bytes it takes to make anything of it.
        self._rest: bytearray | None = None
        self._needed = 0
        # Of a message whose last piece has not come: its kind, what there is, and the size of that.
        self._kind = TEXT
        self._pieces: list[bytes] | None = None
        self._size = 0
        # Whether a close frame came, or a fault: what follows is nothing.
        self.ended = False

    def feed(self, data: bytes) -> list[Event]:
        """What is whole with these bytes, in order."""
        events: list[Event] = []
        if self.ended:
            return events
        try:
            self._parse(data, events)
        except _Fault as fault:
            events.append((FAULT, fault.args))
            self.ended = True
        if self.ended:
            self._rest = self._pieces = None
        return events

    def _parse(self, data: bytes, events: list[Event]) -> None:
        if self._rest is not None:
            self._rest += data
            if len(self._rest) < self._needed:
                self._check_rest(self._rest)
                return
            data, self._rest = bytes(self._rest), None
        at, size, needed = 0, len(data), 2
        max_frame = self._max_frame
        while size - at >= 2:
            first, second = data[at], data[at + 1]
            if first & 0x0F not in _OPCODES:
                raise _Fault(PROTOCOL_ERROR, "invalid opcode")
            if second < 0x80:
                raise _Fault(PROTOCOL_ERROR, "incorrect masking")
            length, start = second - 0x80, at + 6
            if length > _CONTROL_LIMIT:
                wide = 2 if length == 126 else 8
                needed = 2 + wide
                if size - at < needed:
                    break
                start += wide
                length = int.from_bytes(data[at + 2 : at + needed], "big")
            if max_frame is not None and length > max_frame - self._size:
                raise _Fault(TOO_BIG, self._too_big(length, max_frame))
            end = start + length
            if end > size:
                needed = end - at
                break
            payload = apply_mask(data[start:end], data[start - 4 : start])
            at, needed = end, 2
            # Most frames are a text and nothing else: no method is called for those.
            if first == _WHOLE_TEXT and self._pieces is None and length <= self._limit:
                try:
                    events.append((TEXT, payload.decode()))
                except UnicodeDecodeError:
                    raise _Fault(BAD_DATA, "") from None
            else:
                self._take(first, payload, events)
                if self.ended:
                    return
        if at < size:
            self._rest, self._needed = bytearray(data[at:]), needed
            self._check_rest(self._rest)

    def _take(self, first: int, payload: bytes, events: list[Event]) -> None:
        """Take a whole frame of any kind."""
        kind, final = first & 0x0F, first >= 0x80
        if first & 0x70:
            raise _Fault(PROTOCOL_ERROR, "reserved bits must be 0")
        if kind >= CLOSE:
            if len(payload) > _CONTROL_LIMIT:
                raise _Fault(PROTOCOL_ERROR, "control frame too long")
            if not final:
                raise _Fault(PROTOCOL_ERROR, "fragmented control frame")
            events.append((kind, self._close_of(payload) if kind == CLOSE else payload))
            return
        if kind != PIECE:
            if self._pieces is not None:
                raise _Fault(PROTOCOL_ERROR, "expected a continuation frame")
            self._kind, self._pieces = kind, []
        elif self._pieces is None:
            raise _Fault(PROTOCOL_ERROR, "unexpected continuation frame")
        if kind == PIECE or not final:
            events.append((PIECE, None))
        self._size += len(payload)
        if self._size > self._limit:
            raise _Fault(CLOSE_BAD_FRAME, "")
        if payload:
            self._pieces.append(payload)
        if final:
            whole = b"".join(self._pieces)
            self._pieces, self._size = None, 0
            events.append((self._kind, whole if self._kind == BINARY else _decoded(whole)))

    def _close_of(self, payload: bytes) -> tuple[int, str, bytes]:
        """A close frame's code and reason."""
        code, reason = NO_CODE, ""
        if len(payload) == 1:
            raise _Fault(PROTOCOL_ERROR, "close frame too short")
        if payload:
            code = int.from_bytes(payload[:2], "big")
            try:
                reason = payload[2:].decode()
            except UnicodeDecodeError as error:
                said = f"{error.reason} at position {error.start}"
                raise _Fault(BAD_DATA, said) from None
            if not is_sendable(code):
                raise _Fault(PROTOCOL_ERROR, "invalid status code")
        if self._pieces is not None:
            raise _Fault(PROTOCOL_ERROR, "incomplete fragmented message")
        self.ended = True
        return code, reason, payload

    def _check_rest(self, rest: bytes | bytearray) -> None:
        """Have an end to a message that is too large, and not whole."""
        # A control frame between its pieces is none of it.
        before = 0 if rest[0] & CLOSE else self._size
        if len(rest) + before > self._limit + _HEADER:
            raise _Fault(CLOSE_BAD_FRAME, "")

    def _too_big(self, length: int, max_frame: int) -> str:
        after = "" if self._pieces is None else f"after reading {self._size} bytes "
        return f"frame with {length} bytes {after}exceeds limit of {max_frame} bytes"


def _decoded(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise _Fault(BAD_DATA, "") from None
