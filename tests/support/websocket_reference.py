"""What websockets itself makes of bytes from a client, in the words of our parser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from bus.servers.websocket_parser import BINARY, CLOSE, FAULT, TEXT, FrameParser

Heard = list[tuple[int, Any]]
NO_LIMIT = 1 << 40


def websockets_hears(pieces: Iterable[bytes], max_frame: int | None = None) -> Heard:
    """What uvicorn makes of websockets' events: messages, what is answered, and the end."""
    connection = ServerProtocol(state=State.OPEN, max_size=max_frame)
    heard: Heard = []
    parts: list[bytes] = []
    kind = TEXT
    for piece in pieces:
        connection.receive_data(piece)
        for frame in connection.events_received():
            assert isinstance(frame, Frame)
            data = bytes(frame.data)
            if frame.opcode is Opcode.CLOSE:
                close = Close.parse(data)
                heard.append((CLOSE, (int(close.code), close.reason, data)))
                return heard
            if frame.opcode in (Opcode.PING, Opcode.PONG):
                heard.append((int(frame.opcode), data))
                continue
            if frame.opcode is not Opcode.CONT:
                kind, parts = int(frame.opcode), []
            parts.append(data)
            if frame.fin:
                whole = b"".join(parts)
                try:
                    heard.append((kind, whole if kind == BINARY else whole.decode()))
                except UnicodeDecodeError:
                    heard.append((FAULT, (1007, "")))
                    return heard
        if connection.parser_exc is not None:
            assert connection.close_sent is not None
            end = connection.close_sent
            heard.append((FAULT, (int(end.code), end.reason)))
            return heard
    return heard


def ours_hears(
    pieces: Iterable[bytes], max_frame: int | None = None, limit: int = NO_LIMIT
) -> Heard:
    """What our parser tells, but for pieces of messages, of which the application never hears."""
    parser = FrameParser(max_frame, limit)
    return [event for piece in pieces for event in parser.feed(piece) if event[0]]


def frame(
    kind: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    mask: bytes | None = b"\x37\xfa\x21\x3d",
    wide: int = 0,
) -> bytes:
    """A client's frame, right or wrong; `wide` is how many bytes the length has at least."""
    head = bytes([(0x80 if final else 0) | reserved << 4 | kind])
    masked = 0x80 if mask is not None else 0
    size = len(payload)
    if wide == 8 or size > 65_535:
        head += bytes([masked | 127]) + size.to_bytes(8, "big")
    elif wide == 2 or size > 125:
        head += bytes([masked | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([masked | size])
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def split(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The same bytes in pieces, cut at these places."""
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    return [data[start:end] for start, end in pairwise(places) if start < end]
