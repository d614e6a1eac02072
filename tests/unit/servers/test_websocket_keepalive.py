"""Sockets are pinged from one timer, each in its time, and who does not answer ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bus.servers.websocket_keepalive import Keepalive


class Clock:
    """A loop whose time passes when it is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, wait: float, call: Callable[[], None]) -> object:
        timer = (self.now + wait, call)
        self.timers.append(timer)
        return timer

    def pass_to(self, moment: float) -> None:
        """Let the time pass, and all that is due happen."""
        while due := [timer for timer in self.timers if timer[0] <= moment]:
            first = min(due, key=lambda timer: timer[0])
            self.timers.remove(first)
            self.now = first[0]
            first[1]()
        self.now = moment


class Socket:
    """One that answers when it is told."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.pings: list[tuple[float, bytes]] = []
        self.expired: list[float] = []

    def ping(self, payload: bytes) -> None:
        self.pings.append((round(self.clock.now, 1), payload))

    def expire(self) -> None:
        self.expired.append(round(self.clock.now, 1))

    @property
    def times(self) -> list[float]:
        """When it was pinged."""
        return [at for at, _ in self.pings]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keepalive_of(clock: Any, timeout: float | None = 5.0) -> Keepalive:
    return Keepalive(clock, 10.0, timeout)


def test_each_is_pinged_in_its_time_and_again_once_it_has_answered(clock: Clock) -> None:
    keepalive = keepalive_of(clock)
    early, late = Socket(clock), Socket(clock)
    keepalive.add(early)
    clock.pass_to(4)
    keepalive.add(late)
    for moment in range(5, 40):
        clock.pass_to(moment)
        for socket in (early, late):
            if socket.pings:
                keepalive.answered(socket, socket.pings[-1][1])
    assert (early.times, late.times) == ([10, 20, 30], [14, 24, 34])
    assert len({payload for _, payload in early.pings}) == 3
    assert early.expired == late.expired == []


def test_who_answers_late_is_pinged_in_its_time_again(clock: Clock) -> None:
    keepalive = keepalive_of(clock)
    slow, new = Socket(clock), Socket(clock)
    keepalive.add(slow)
    clock.pass_to(13)
    # Its turn is before that of the slow one, which answers after 4 s.
    keepalive.add(new)
    clock.pass_to(14)
    keepalive.answered(slow, slow.pings[0][1])
    clock.pass_to(24.5)
    assert (slow.times, new.times) == ([10, 24], [23])


def test_who_does_not_answer_the_last_ping_ends(clock: Clock) -> None:
    keepalive = keepalive_of(clock)
    silent, wrong = Socket(clock), Socket(clock)
    keepalive.add(silent)
    keepalive.add(wrong)
    clock.pass_to(10)
    keepalive.answered(wrong, b"what nobody asked")
    clock.pass_to(60)
    assert silent.expired == wrong.expired == [15]
    assert silent.times == [10]
    assert len(keepalive) == 0
    assert clock.timers == []


def test_without_a_limit_each_is_pinged_whatever_it_answers(clock: Clock) -> None:
    keepalive = keepalive_of(clock, None)
    silent = Socket(clock)
    keepalive.add(silent)
    clock.pass_to(35)
    assert silent.times == [10, 20, 30]
    assert silent.expired == []
    keepalive.remove(silent)
    clock.pass_to(100)
    assert silent.times == [10, 20, 30]
    assert clock.timers == []


def test_who_is_gone_is_pinged_no_more_and_ends_no_more(clock: Clock) -> None:
    keepalive = keepalive_of(clock)
    before, during = Socket(clock), Socket(clock)
    for socket in (before, during):
        keepalive.add(socket)
    keepalive.remove(before)
    keepalive.remove(before)
    clock.pass_to(12)
    keepalive.remove(during)
    clock.pass_to(100)
    assert (before.times, during.times) == ([], [10])
    assert before.expired == during.expired == []


def test_many_who_come_together_share_rounds(clock: Clock) -> None:
    keepalive = keepalive_of(clock)
    sockets = [Socket(clock) for _ in range(1000)]
    for number, socket in enumerate(sockets):
        clock.pass_to(number / 1000)
        keepalive.add(socket)
    rounds = 0
    plan = clock.call_later

    def counted(wait: float, call: Callable[[], None]) -> object:
        nonlocal rounds
        rounds += 1
        return plan(wait, call)

    clock.call_later = counted  # type: ignore[method-assign]
    clock.pass_to(11.5)
    assert all(len(socket.pings) == 1 for socket in sockets)
    assert rounds < 20


@pytest.mark.asyncio
async def test_it_goes_by_the_loops_own_clock() -> None:
    answered = asyncio.Event()

    class Quick:
        def ping(self, payload: bytes) -> None:
            keepalive.answered(self, payload)
            answered.set()

        def expire(self) -> None:
            raise AssertionError

    keepalive = Keepalive(asyncio.get_running_loop(), 0.01, 5.0)
    quick = Quick()
    keepalive.add(quick)
    await asyncio.wait_for(answered.wait(), 10)
    answered.clear()
    await asyncio.wait_for(answered.wait(), 10)
    keepalive.remove(quick)
