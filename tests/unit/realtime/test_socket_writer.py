"""The writer of one socket: joined, bounded, and never in the pusher's way."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from bus.realtime.prepared_frames import PreparedFrames
from bus.realtime.socket_writer import SocketWriter
from tests.support.wait import until_async

pytestmark = pytest.mark.asyncio


class Peer:
    """Stands in for the server's `send`: it can stop reading, or go."""

    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.code: int | None = None
        self.reading = asyncio.Event()
        self.reading.set()
        self.gone = False

    async def send(self, message: dict[str, Any]) -> None:
        await self.reading.wait()
        if self.gone:
            raise OSError("gone")
        if message["type"] == "websocket.close":
            self.code = message["code"]
        else:
            self.frames.append(json.loads(message["text"]))


@contextlib.asynccontextmanager
async def writing(peer: Peer, *, joined: bool = True) -> AsyncIterator[SocketWriter]:
    writer = SocketWriter(peer.send, joined=joined)
    try:
        yield writer
    finally:
        writer.abandon(0)


async def test_what_waits_shares_an_array_and_a_lone_one_does_not() -> None:
    peer = Peer()
    async with writing(peer) as writer:
        writer.push(PreparedFrames([b"1", b"2"]))
        writer.reply(b"3")
        await until_async(lambda: peer.frames)
        writer.push(PreparedFrames([b"4"]))
        writer.finish(4400)
        writer.push(PreparedFrames([b"5"]))
        await writer.written()
    assert (peer.frames, peer.code) == ([[1, 2, 3], 4], 4400)


async def test_plain_chat_gets_a_frame_each() -> None:
    peer = Peer()
    async with writing(peer, joined=False) as writer:
        writer.push(PreparedFrames([b"1", b"2"]))
        writer.finish(1000)
        await writer.written()
    assert peer.frames == [1, 2]


async def test_joined_frames_have_a_limit() -> None:
    peer = Peer()
    async with writing(peer) as writer:
        writer.push(PreparedFrames([b'"' + b"x" * 100_000 + b'"'] * 5))
        writer.finish(1000)
        await writer.written()
    assert [len(frame) for frame in peer.frames] == [2, 2, 100_000]


async def test_who_is_too_far_behind_is_told_to_come_back(settings: Settings) -> None:
    settings.BUS_OUTBOX_LIMIT = 10
    peer = Peer()
    peer.reading.clear()
    async with writing(peer) as writer:
        writer.push(PreparedFrames([b"12345"]))
        await asyncio.sleep(0)
        writer.push(PreparedFrames([b"12345678"]))
        assert not writer.failed
        writer.push(PreparedFrames([b"123"]))
        assert writer.failed
        writer.push(PreparedFrames([b"1"]))
        writer.reply(b"2")
        peer.reading.set()
        await writer.written()
    assert (peer.frames, peer.code) == ([12345], 4408)


async def test_who_reads_nothing_in_time_is_told_to_come_back(settings: Settings) -> None:
    settings.BUS_SEND_TIMEOUT = 0.01
    peer = Peer()
    peer.reading.clear()
    async with writing(peer) as writer:
        writer.push(PreparedFrames([b"1"]))
        await until_async(lambda: writer.failed)
        peer.reading.set()
        await writer.written()
    assert (peer.frames, peer.code) == ([], 4408)


async def test_a_large_answer_is_given_but_no_command_is_taken_meanwhile(
    settings: Settings,
) -> None:
    settings.BUS_OUTBOX_LIMIT = 10
    peer = Peer()
    peer.reading.clear()
    async with writing(peer) as writer:
        writer.push(PreparedFrames([b"1"]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        writer.reply(b'"' + b"x" * 1_000_000 + b'"')
        writer.push(PreparedFrames([b"2"]))
        assert not writer.failed
        ready = asyncio.ensure_future(writer.until_replies_fit())
        await asyncio.sleep(0)
        assert not ready.done()
        peer.reading.set()
        await ready
        await until_async(lambda: len(peer.frames) == 3)
    assert peer.frames[0] == 1
    assert peer.frames[2] == 2


async def test_a_peer_that_is_gone_ends_the_writer() -> None:
    peer = Peer()
    peer.gone = True
    async with writing(peer) as writer:
        writer.push(PreparedFrames([b"1"]))
        await writer.written()
    assert peer.code is None
