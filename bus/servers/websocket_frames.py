"""WebSocket frames as a server sends them (RFC 6455), made once for any number of sockets."""

from __future__ import annotations

# What is joined into one array, in bytes; a larger frame would hold up a slow line for long.
FRAME_LIMIT = 262_144


def text_frame(payload: bytes) -> bytes:
    """A whole text frame, as a server sends it."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


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
