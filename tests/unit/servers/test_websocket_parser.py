"""Our parser makes of any bytes what websockets makes of them, however they are split."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.servers.websocket_parser import BINARY, CLOSE, FAULT, PIECE, PING, PONG, TEXT, FrameParser
from tests.support.websocket_reference import (
    NO_LIMIT,
    frame,
    ours_hears,
    split,
    websockets_hears,
)

HELLO = "안녕 👋".encode()
# In the middle of a letter.
HALF = HELLO[:2], HELLO[2:]

# What RFC 6455 says of frames (section 5), of close frames (5.5.1, 7.4) and of UTF-8 (8.1).
CASES: dict[str, tuple[bytes, list[tuple[int, Any]]]] = {
    "a text": (frame(TEXT, b"Hello"), [(TEXT, "Hello")]),
    "nothing": (frame(TEXT), [(TEXT, "")]),
    "binary": (frame(BINARY, b"\xff\0"), [(BINARY, b"\xff\0")]),
    "two at once": (frame(TEXT, b"1") + frame(TEXT, b"2"), [(TEXT, "1"), (TEXT, "2")]),
    "a mask of zeros": (frame(TEXT, b"Hello", mask=bytes(4)), [(TEXT, "Hello")]),
    "no mask": (frame(TEXT, b"Hello", mask=None), [(FAULT, (1002, "incorrect masking"))]),
    "125 bytes": (frame(TEXT, b"x" * 125), [(TEXT, "x" * 125)]),
    "126 bytes": (frame(TEXT, b"x" * 126), [(TEXT, "x" * 126)]),
    "65,535 bytes": (frame(TEXT, b"x" * 65_535), [(TEXT, "x" * 65_535)]),
    "65,536 bytes": (frame(TEXT, b"x" * 65_536), [(TEXT, "x" * 65_536)]),
    "a length of two bytes for few": (frame(TEXT, b"x", wide=2), [(TEXT, "x")]),
    "a length of eight bytes for few": (frame(TEXT, b"x", wide=8), [(TEXT, "x")]),
    "pieces": (
        frame(TEXT, b"Hel", final=False) + frame(PIECE, b"l", final=False) + frame(PIECE, b"o"),
        [(TEXT, "Hello")],
    ),
    "empty pieces": (
        frame(BINARY, final=False) + frame(PIECE, final=False) + frame(PIECE), [(BINARY, b"")],
    ),
    "a ping between pieces": (
        frame(TEXT, b"Hel", final=False) + frame(PING, b"?") + frame(PIECE, b"lo"),
        [(PING, b"?"), (TEXT, "Hello")],
    ),
    "a pong nobody asked for": (frame(PONG, b"!"), [(PONG, b"!")]),
    "a ping of 125 bytes": (frame(PING, b"x" * 125), [(PING, b"x" * 125)]),
    "a ping of 126 bytes": (frame(PING, b"x" * 126), [(FAULT, (1002, "control frame too long"))]),
    "a ping in pieces": (
        frame(PING, b"x", final=False), [(FAULT, (1002, "fragmented control frame"))],
    ),
    "a close between pieces": (
        frame(TEXT, b"Hel", final=False) + frame(CLOSE),
        [(FAULT, (1002, "incomplete fragmented message"))],
    ),
    "a piece of nothing": (
        frame(PIECE, b"x"), [(FAULT, (1002, "unexpected continuation frame"))],
    ),
    "a message within another": (
        frame(TEXT, b"1", final=False) + frame(TEXT, b"2"),
        [(FAULT, (1002, "expected a continuation frame"))],
    ),
    "a message, then what is wrong": (
        frame(TEXT, b"1") + frame(3, b"2"), [(TEXT, "1"), (FAULT, (1002, "invalid opcode"))],
    ),
    "UTF-8 split over pieces": (
        frame(TEXT, HALF[0], final=False) + frame(PIECE, HALF[1]), [(TEXT, HELLO.decode())],
    ),
    "UTF-8 that is none": (frame(TEXT, b"\xc0\xaf"), [(FAULT, (1007, ""))]),
    "half a letter": (frame(TEXT, HALF[0]), [(FAULT, (1007, ""))]),
    "half a letter, after another piece": (
        frame(TEXT, b"x", final=False) + frame(PIECE, HALF[0]), [(FAULT, (1007, ""))],
    ),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80"), [(FAULT, (1007, ""))]),
    "UTF-8 that is none, in binary": (frame(BINARY, b"\xc0"), [(BINARY, b"\xc0")]),
    "close without a code": (frame(CLOSE), [(CLOSE, (1005, "", b""))]),
    "close with half a code": (
        frame(CLOSE, b"\x03"), [(FAULT, (1002, "close frame too short"))],
    ),
    "close with a reason": (
        frame(CLOSE, b"\x03\xe8" + HELLO), [(CLOSE, (1000, HELLO.decode(), b"\x03\xe8" + HELLO))],
    ),
    "close with a reason that is no UTF-8": (
        frame(CLOSE, b"\x03\xe8\xc0"), [(FAULT, (1007, "invalid start byte at position 0"))],
    ),
    "something after a close": (
        frame(CLOSE) + frame(TEXT, b"x") + b"\xff" * 20, [(CLOSE, (1005, "", b""))],
    ),
    "something after a fault": (
        frame(TEXT, b"\xc0") + frame(TEXT, b"x"), [(FAULT, (1007, ""))],
    ),
    "a frame too large": (
        b"\x82\xff" + (2_000_000).to_bytes(8, "big"),
        [(FAULT, (1009, "frame with 2000000 bytes exceeds limit of 1048576 bytes"))],
    ),
    "a frame of 2^63 bytes": (
        b"\x82\xff\x80" + bytes(7),
        [(FAULT, (1009, f"frame with {1 << 63} bytes exceeds limit of 1048576 bytes"))],
    ),
    **{
        f"reserved bits {bits:03b}, opcode {kind}": (
            frame(kind, reserved=bits), [(FAULT, (1002, "reserved bits must be 0"))],
        )
        for bits in range(1, 8)
        for kind in (TEXT, BINARY, PING, CLOSE)
    },
    **{
        f"opcode {kind}": (frame(kind), [(FAULT, (1002, "invalid opcode"))])
        for kind in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    **{
        f"close with {code}": (
            frame(CLOSE, code.to_bytes(2, "big")),
            [(CLOSE, (code, "", code.to_bytes(2, "big")))],
        )
        for code in (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999)
    },
    **{
        f"close with {code}": (
            frame(CLOSE, code.to_bytes(2, "big")), [(FAULT, (1002, "invalid status code"))],
        )
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
    },
}  # fmt: skip


@pytest.mark.parametrize(("data", "heard"), CASES.values(), ids=CASES)
def test_the_standard_and_websockets_say_the_same(
    data: bytes, heard: list[tuple[int, Any]]
) -> None:
    most = 1 << 20
    assert ours_hears([data], most) == heard
    assert websockets_hears([data], most) == heard
    short = data if len(data) < 200 else data[:200]
    every_byte = split(data, range(1, len(short)))
    assert ours_hears(every_byte, most) == heard
    assert websockets_hears(every_byte, most) == heard
    for cut in range(1, len(short)):
        assert ours_hears(split(data, [cut]), most) == heard


texts = st.text(max_size=60).map(str.encode)
payloads = st.one_of(
    texts,
    st.binary(max_size=130),
    st.just(HALF[0]),
    st.just(HALF[1]),
    st.integers(0, 300).map(lambda size: b"x" * size),
    st.integers(990, 5010).map(lambda code: code.to_bytes(2, "big")),
)
# As a client may send it, mostly; and as none would.
frames = st.builds(
    frame,
    st.one_of(st.sampled_from([TEXT, PIECE, PIECE, BINARY, PING, PONG, CLOSE]), st.integers(0, 15)),
    payloads,
    final=st.booleans(),
    reserved=st.sampled_from([0] * 20 + [1, 2, 4]),
    mask=st.sampled_from([b"\x37\xfa\x21\x3d", bytes(4), b"\xff\xff\xff\xff"] * 6 + [None]),
    wide=st.sampled_from([0, 0, 0, 2, 8]),
)
whole_messages = st.lists(texts, min_size=1, max_size=4).map(
    lambda parts: b"".join(
        frame(PIECE if at else TEXT, part, final=at == len(parts) - 1)
        for at, part in enumerate(parts)
    )
)
lines = st.lists(st.one_of(frames, whole_messages, st.binary(max_size=6)), max_size=8).map(b"".join)


@pytest.mark.timeout(0)
@given(
    data=lines,
    cuts=st.lists(st.integers(1, 600), max_size=12),
    other_cuts=st.lists(st.integers(1, 600), max_size=12),
    max_frame=st.sampled_from([None, 1 << 20, 200, 20]),
)
def test_any_bytes_split_in_any_way_are_what_websockets_makes_of_them(
    data: bytes, cuts: list[int], other_cuts: list[int], max_frame: int | None
) -> None:
    heard = websockets_hears(split(data, cuts), max_frame)
    assert ours_hears(split(data, cuts), max_frame) == heard
    assert ours_hears(split(data, other_cuts), max_frame) == heard


@given(
    data=lines,
    cuts=st.lists(st.integers(1, 600), max_size=12),
    limit=st.integers(0, 300),
)
def test_a_limit_changes_nothing_but_where_it_ends(
    data: bytes, cuts: list[int], limit: int
) -> None:
    heard = ours_hears(split(data, cuts))
    limited = ours_hears(split(data, cuts), limit=limit)
    if limited[-1:] == [(FAULT, (4400, ""))]:
        assert limited[:-1] == heard[: len(limited) - 1]
    else:
        assert limited == heard
    assert all(len(value) <= limit for kind, value in limited if kind == BINARY)
    assert all(len(value.encode()) <= limit for kind, value in limited if kind == TEXT)


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"x" * 1001),
        frame(BINARY, b"x" * 1001),
        frame(TEXT, b"x" * 1002, wide=8)[:-1],
        frame(TEXT, b"x" * 600, final=False) + frame(PIECE, b"x" * 500)[:450],
        frame(TEXT, b"x" * 900, final=False) + frame(PIECE, b"x" * 101, final=False),
        frame(PING, b"x" * 2000)[:1100],
    ],
)
def test_what_makes_a_message_too_large_is_not_kept(data: bytes) -> None:
    for pieces in ([data], split(data, range(1, len(data)))):
        parser = FrameParser(None, 1000)
        told = [event for piece in pieces for event in parser.feed(piece)]
        assert told[-1] == (FAULT, (4400, ""))
        assert parser.ended
        assert parser._rest is None
        assert parser._pieces is None


def test_a_part_of_a_ping_makes_no_message_too_large() -> None:
    parser = FrameParser(None, 1000)
    ping = frame(PING, b"x" * 100)
    pieces = frame(TEXT, b"a" * 600, final=False) + frame(PIECE, b"b" * 400, final=False)
    assert parser.feed(pieces + ping[:90]) == [(PIECE, None)] * 2
    told = parser.feed(ping[90:] + frame(PIECE))
    assert told == [(PING, b"x" * 100), (PIECE, None), (TEXT, "a" * 600 + "b" * 400)]


def test_each_piece_of_a_message_is_told_and_empty_ones_are_not_kept() -> None:
    parser = FrameParser(None, NO_LIMIT)
    assert parser.feed(frame(TEXT, final=False) + frame(PIECE, final=False) * 500) == (
        [(PIECE, None)] * 501
    )
    assert parser._pieces == []
    assert parser.feed(frame(PIECE, b"x")) == [(PIECE, None), (TEXT, "x")]
