"""WebSocket frames as a server sends them (RFC 6455), made once for any number of sockets."""

from __future__ import annotations

# What is joined into one array, in bytes; a larger frame would hold up a slow line for long.
FRAME_LIMIT = 262_144


# The first byte of a whole frame.
_BINARY, _CLOSE, _PING, _PONG = 0x82, 0x88, 0x89, 0x8A
# Those of RFC 6455 and its registry that go over a line.
_CODES = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015)))
# What fits beside the code of a close frame, in bytes.
_REASON_LIMIT = 123


def text_frame(payload: bytes) -> bytes:
    """A whole text frame, as a server sends it."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def binary_frame(payload: bytes) -> bytes:
    """A whole binary frame."""
    return b"%c%b" % (_BINARY, text_frame(payload)[1:])


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; raises ValueError for a code that stands for what is on no line, and for a
    reason that does not fit."""
    said = reason.encode()
    if not is_sendable(code) or len(said) > _REASON_LIMIT:
        raise ValueError(f"No close frame has the code {code} and {len(said)} bytes of reason.")
    return echoed_close(code.to_bytes(2, "big") + said)


def is_sendable(code: int) -> bool:
    """Whether a close frame may have a code."""
    return code in _CODES or 3000 <= code < 5000


def echoed_close(payload: bytes) -> bytes:
    """A close frame that says what the client's own said."""
    return b"%c%c%b" % (_CLOSE, len(payload), payload)


def ping_frame(payload: bytes) -> bytes:
    """A ping of up to 125 bytes."""
    return b"%c%c%b" % (_PING, len(payload), payload)


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping."""
    return b"%c%c%b" % (_PONG, len(payload), payload)


def join_frames(frames: list[bytes]) -> list[bytes]:
    """The payloads of as few frames as may be: arrays of up to FRAME_LIMIT bytes."""
    if len(frames) == 1:
        return frames
    payloads: list[bytes] = []
    start = size = 0
    for at, frame in enumerate(frames):
        if size and size + len(frame) + 1 > FRAME_LIMIT:
            payloads.append(_array(frames[start:at]))
            start, size = at, 0
        size += len(frame) + 1
    if start < len(frames):
        payloads.append(_array(frames[start:]))
    return payloads


def _array(frames: list[bytes]) -> bytes:
    return frames[0] if len(frames) == 1 else b"[" + b",".join(frames) + b"]"
