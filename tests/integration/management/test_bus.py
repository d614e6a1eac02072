"""`manage.py bus`: what a shell can do with named channels, and what it is told."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.test import override_settings

from bus.broker import Delivery
from bus.messaging import default_layer, operations
from tests.support.wait import until

pytestmark = pytest.mark.usefixtures("broker")

ROOT = Path(__file__).resolve().parents[3]
ANNOUNCE = ("broadcast", "announcement.requested")


def bus(*args: str) -> str:
    """What the command writes."""
    out = io.StringIO()
    call_command("bus", *args, stdout=out, stderr=out)
    return out.getvalue()


def in_loop(act: Callable[[], Awaitable[Any]]) -> Any:
    """Do something with the layer, in an event loop of its own."""
    return async_to_sync(act)()


def claim(channel: str = "jobs", count: int = 100) -> list[Delivery]:
    async def act() -> list[Delivery]:
        return (await default_layer.get().stream(channel).claim("w", count)).deliveries

    return in_loop(act)


def handle(channel: str = "jobs") -> list[dict[str, Any]]:
    """Handle all that waits; the messages in the order of handling."""

    async def act() -> list[dict[str, Any]]:
        stream = default_layer.get().stream(channel)
        deliveries = (await stream.claim("w", 100)).deliveries
        await stream.acknowledge(deliveries)
        return [default_layer.get().deserialize(d.payload) for d in deliveries]

    return in_loop(act)


def bury(count: int, channel: str = "jobs") -> list[str]:
    """Dead letters; their ids, oldest first."""

    async def act() -> list[str]:
        stream = default_layer.get().stream(channel)
        for number in range(count):
            message = {"type": f"job.{number % 2}", "n": number, "said": "\x1b[2J"}
            await default_layer.get().send(channel, message, ordering_key="k")
        for delivery in (await stream.claim("w", count)).deliveries:
            await stream.dead_letter(delivery, ValueError("it never \x1b[31mworks"))
        return [letter.id async for letter in operations.dead_letters(channel).each()]

    return in_loop(act)


class Shell:
    """The command as a process of its own; its output on a terminal or in a pipe."""

    def __init__(self, *args: str, tty: bool, **environ: str) -> None:
        self._far, near = pty.openpty() if tty else os.pipe()
        os.set_blocking(self._far, False)
        self._said = b""
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "bus", *args],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **environ},
            stdin=subprocess.DEVNULL,
            stdout=near,
            stderr=near,
        )
        os.close(near)

    def said(self) -> str:
        """All that it has written so far."""
        try:
            self._said += os.read(self._far, 65536)
        except OSError:
            pass  # Nothing new, or its end of a terminal is closed.
        return self._said.decode()

    def ctrl_c(self) -> tuple[int, str]:
        """Press Ctrl-C; the exit code, and all that was said."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(20), self.said()

    def close(self) -> None:
        """End it, where it has not ended."""
        self._process.kill()
        self._process.wait(20)
        os.close(self._far)


@contextmanager
def shell(*args: str, tty: bool = False, **environ: str) -> Iterator[Shell]:
    """A process that has ended when the block does."""
    running = Shell(*args, tty=tty, **environ)
    try:
        yield running
    finally:
        running.close()


# ---- send


def test_send_prints_the_id_and_the_message_is_there() -> None:
    said = bus("send", "jobs", "job.run", '{"n": 1}', "--ordering-key", "k")
    (delivery,) = claim()
    assert said.strip() == delivery.id
    assert delivery.ordering_key == "k"
    assert default_layer.get().deserialize(delivery.payload) == {"type": "job.run", "n": 1}


def test_send_with_a_delay_keeps_it_back() -> None:
    assert bus("send", "jobs", "job.run", "--delay", "60").startswith("later-")
    assert claim() == []
    assert "  1  " in bus("stats", "jobs")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("jobs", "job.run", "{"), "The data is not JSON"),
        (("jobs", "job.run", "[1]"), "The data is a JSON object"),
        ((*ANNOUNCE, "{}"), "Nothing was sent"),
        (("broadcast", "no.such", "{}"), "takes .*announcement.requested.*not 'no.such'"),
        (("자유방", "job.run"), "Nothing was sent"),
    ],
)
def test_send_refuses_at_the_door_and_says_that_nothing_was_sent(
    args: tuple[str, ...], said: str
) -> None:
    with pytest.raises(CommandError, match=said) as refusal:
        bus("send", *args)
    assert str(refusal.value).endswith("Nothing was sent.")
    assert claim("broadcast") == []


@pytest.mark.parametrize("delay", ["-1", "inf", "nan", "soon"])
def test_a_wrong_delay_is_named(delay: str) -> None:
    with pytest.raises(CommandError, match="is no number of seconds"):
        bus("send", "jobs", "job.run", f"--delay={delay}")


def test_send_to_a_full_channel() -> None:
    with override_settings(BUS_CAPACITY=1):
        bus("send", "jobs", "job.run")
        with pytest.raises(CommandError, match=r"jobs holds 1 .*\. Nothing was sent\."):
            bus("send", "jobs", "job.run")


# ---- stats


def test_stats_show_all_channels_and_say_where_nobody_works() -> None:
    bus("send", "jobs", "job.run")
    head, *rows = bus("stats").splitlines()
    assert head.split()[:2] == ["channel", "waiting"]
    by_name = {row.split()[0]: row for row in rows}
    assert set(by_name) == {"jobs", "broadcast", "moderation"}
    assert "no worker: run `python manage.py runworker jobs`" in by_name["jobs"]
    assert by_name["broadcast"].endswith("0")


def test_stats_as_json() -> None:
    bus("send", "jobs", "job.run")
    (one,) = json.loads(bus("stats", "jobs", "--json"))
    assert (one["channel"], one["depth"], one["abandoned"]) == ("jobs", 1, True)
    assert (one["totals"]["sent"], one["rate_in"], one["workers"]) == (1, 1.0, [])


@pytest.mark.parametrize(
    "args", [("stats", "jbos"), ("dead", "list", "jbos"), ("replay", "jbos", "--from", "1h")]
)
def test_an_unknown_channel_is_named_with_those_there_are(args: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"jbos.*There are: broadcast, moderation"):
        bus(*args)


@pytest.mark.parametrize(
    "args",
    [
        ("send", "jobs", "job.run"),
        ("stats",),
        ("dead", "list", "jobs"),
        ("tail", "jobs"),
        ("replay", "jobs", "--from", "1h"),
    ],
)
def test_an_absent_broker_is_told_with_what_to_do(args: tuple[str, ...]) -> None:
    away = {
        "default": {
            "BACKEND": "bus.broker.BusChannelLayer",
            "CONFIG": {"hosts": ["unix:///nonexistent/valkey.sock"]},
        }
    }
    with (
        override_settings(CHANNEL_LAYERS=away),
        pytest.raises(CommandError, match=r"The broker does not answer.*mend REDIS_URL"),
    ):
        bus(*args)


def test_stats_watch_redraws_until_ctrl_c() -> None:
    bus("send", "jobs", "job.run")
    with shell("stats", "--watch", tty=True) as running:
        until(lambda: running.said().count("no worker: run") >= 2, "two pictures")
        code, said = running.ctrl_c()
    assert code == 0
    assert "\x1b[H\x1b[2J" in said
    assert "Traceback" not in said


def test_stats_watch_waits_for_a_broker_that_is_away() -> None:
    with shell("stats", "--watch", REDIS_URL="unix:///nonexistent/valkey.sock") as running:
        until(lambda: running.said().count("Waiting for it") >= 2, "it waits")
        code, said = running.ctrl_c()
    assert code == 0
    assert "Traceback" not in said


# ---- dead


def test_dead_letters_are_listed_and_shown() -> None:
    ids = bury(3)
    lines = bus("dead", "list", "jobs", "--limit", "2").splitlines()
    assert [line.split()[0] for line in lines[1:3]] == [ids[2], ids[1]]
    assert lines[3] == f"There may be more: --before {ids[1]}"
    assert ids[0] in bus("dead", "list", "jobs", "--before", ids[1])
    assert ids[1] not in bus("dead", "list", "jobs", "--type", "job.0")
    shown = bus("dead", "show", "jobs", ids[0])
    for needle in ("job.0", '"n": 0', "attempts      1", "ValueError", "first sent"):
        assert needle in shown
    # What strangers wrote cannot steer the terminal.
    assert "\x1b" not in shown + "".join(lines)


def test_dead_letters_are_put_back_by_id_by_filter_and_all() -> None:
    ids = bury(6)
    assert bus("dead", "retry", "jobs", ids[5]) == "1 put back into jobs.\n"
    assert bus("dead", "retry", "jobs", "--type", "job.0") == "3 put back into jobs.\n"
    assert bus("dead", "retry", "jobs", "--error", "never", "--all") == "2 put back into jobs.\n"
    assert [message["n"] for message in handle()] == [5, 0, 2, 4, 1, 3]
    assert bus("dead", "list", "jobs") == "jobs has no dead letters.\n"


def test_dead_letters_are_dropped() -> None:
    ids = bury(4)
    assert bus("dead", "discard", "jobs", ids[0]).startswith("1 dropped")
    assert bus("dead", "discard", "jobs", "--type", "job.1").startswith("2 dropped")
    assert bus("dead", "discard", "jobs", "--all").startswith("1 dropped")
    assert claim() == []


@pytest.mark.parametrize("action", ["show", "retry", "discard"])
def test_an_unknown_dead_letter_is_named(action: str) -> None:
    bury(1)
    with pytest.raises(CommandError, match=r"no dead letter 1-1 .*bus dead list jobs"):
        bus("dead", action, "jobs", "1-1")


def test_what_is_meant_must_be_said() -> None:
    ids = bury(1)
    for args in (("retry", "jobs"), ("discard", "jobs"), ("discard", "jobs", ids[0], "--all")):
        with pytest.raises(CommandError, match="Nothing was changed"):
            bus("dead", *args)
    assert ids[0] in bus("dead", "list", "jobs")


def test_a_full_channel_takes_no_dead_letters() -> None:
    bury(3)
    with (
        override_settings(BUS_CAPACITY=1),
        pytest.raises(CommandError, match=r"takes no more; 1 were put back before.*bus stats jobs"),
    ):
        bus("dead", "retry", "jobs", "--all")
    assert len(bus("dead", "list", "jobs").splitlines()) == 3


# ---- tail


def test_tail_follows_until_ctrl_c_and_takes_nothing() -> None:
    with shell("tail", "jobs") as running:
        until(lambda: "Following jobs" in running.said(), "it follows")
        bus("send", "jobs", "job.run", '{"n": "\\u001b[2J"}', "--ordering-key", "k")
        until(lambda: "job.run" in running.said(), "the message")
        code, said = running.ctrl_c()
    assert code == 0
    assert 'job.run  key=k  {"n": "\\u001b[2J"}' in said
    assert "Traceback" not in said
    assert len(claim()) == 1


# ---- replay


@pytest.fixture
def handled() -> Iterator[int]:
    """Messages that were handled and kept."""
    with override_settings(BUS_RETENTION=["jobs=3600"]):
        for number in range(40):
            bus_send(number)
        yield len(handle())


def bus_send(number: int) -> None:
    async def act() -> None:
        message = {"type": "job.run", "n": number}
        await default_layer.get().send("jobs", message, ordering_key="k")

    in_loop(act)


def test_a_dry_run_says_what_would_be_sent(handled: int) -> None:
    said = bus("replay", "jobs", "--from", "1h", "--dry-run")
    assert "40 handled messages of jobs" in said
    assert "40  job.run" in said
    assert "first sent" in said
    assert claim() == []


def test_a_replay_sends_again_in_order(handled: int) -> None:
    assert bus("replay", "jobs", "--from", "1h", "--rate", "10000/s").endswith("40 sent again.\n")
    assert [message["n"] for message in handle()] == list(range(40))


def test_an_empty_time_is_said_and_why() -> None:
    bus("send", "jobs", "job.run")
    said = bus("replay", "jobs", "--from", "2001-01-01", "--to", "2001-01-02T12:00")
    assert said.startswith("0 handled messages")
    assert "BUS_RETENTION" in said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--from", "yesterday"), "'yesterday' is no time"),
        (("--from", "now"), "--from is not before --to"),
        (("--from", "1h", "--rate", "0"), "is no rate"),
        (("--from", "1h", "--after", "x"), "is no position"),
    ],
)
def test_wrong_arguments_are_named(args: tuple[str, ...], said: str) -> None:
    bus("send", "jobs", "job.run")
    with pytest.raises(CommandError, match=said):
        bus("replay", "jobs", *args)


def test_a_stopped_replay_says_where_and_how_to_go_on(handled: int) -> None:
    with shell("replay", "jobs", "--from", "1h", "--rate", "10/s") as running:
        until(lambda: " to go" in running.said(), "progress")
        code, said = running.ctrl_c()
    assert code == 130
    assert "Stopped after" in said
    command = said.partition("To go on: bus ")[2].split()
    bus(*command, "--rate", "10000")
    assert [message["n"] for message in handle()] == list(range(40))
