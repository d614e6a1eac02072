"""Ready WebSocket frames: as any client reads them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from bus.realtime.prepared_frames import PreparedFrames
from bus.servers.websocket_frames import FRAME_LIMIT, join_frames, text_frame


def read(data: bytes) -> list[str]:
    """What a client of another make reads."""

    def texts(events: list[Any]) -> Iterator[str]:
        for event in events:
            assert isinstance(event, Frame)
            assert event.fin
            yield bytes(event.data).decode()

    client = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=None)
    client.receive_data(data)
    assert client.parser_exc is None
    return list(texts(client.events_received()))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 300_000])
def test_a_frame_of_any_size_is_read_as_it_was_written(size: int) -> None:
    assert read(text_frame(b"x" * size)) == ["x" * size]


def test_a_bundle_is_separate_frames_or_one_array() -> None:
    prepared = PreparedFrames([b"1", '"하나"'.encode(), b"{}"])
    assert read(prepared.separate) == ["1", '"하나"', "{}"]
    assert [json.loads(text) for text in read(prepared.joined)] == [[1, "하나", {}]]
    assert prepared.joined is prepared.joined
    assert read(PreparedFrames([b"7"]).joined) == ["7"]


def test_an_array_has_a_limit_and_one_large_frame_has_none() -> None:
    large = b'"' + b"x" * FRAME_LIMIT + b'"'
    third = b'"' + b"x" * (FRAME_LIMIT // 3) + b'"'
    payloads = join_frames([b"1", b"2", large, third, third, third, b"3"])
    assert b"".join(payloads).replace(b"[", b"").replace(b"]", b"").count(b"x") == (
        FRAME_LIMIT + 3 * (FRAME_LIMIT // 3)
    )
    assert [len(json.loads(p)) if p[:1] == b"[" else 1 for p in payloads] == [2, 1, 2, 2]
    assert join_frames([]) == []
