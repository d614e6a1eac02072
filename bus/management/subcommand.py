"""What every subcommand of `manage.py bus` is."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from channels.exceptions import ChannelFull
from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from bus.broker.errors import BrokerError, BrokerUnavailable
from bus.protocol.errors import BusError

T = TypeVar("T")

# What a shell calls the end by Ctrl-C of a command that was not done.
STOPPED = 130
_BROKER_AWAY = "Start it (`make run` has its own), or mend REDIS_URL, and run the command again."


class Subcommand:
    """One thing that a command of ours does."""

    name: str
    help: str
    # Whether Django's checks come first.
    is_checked = True

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper) -> None:
        self.stdout = stdout
        self.stderr = stderr

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """What it takes."""

    def handle(self, options: dict[str, Any]) -> None:
        """Do it; raises CommandError."""
        raise NotImplementedError


class SubcommandCommand(BaseCommand):
    """A command of its own that does what a subcommand of `bus` does, for a project to have."""

    kind: type[Subcommand]
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Those of the subcommand."""
        self.kind.add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it."""
        if self.kind.is_checked and not options.get("skip_checks"):
            self.check()
        self.kind(self.stdout, self.stderr).handle(options)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of a subcommand in an event loop of its own."""
    with asyncio.Runner() as runner:
        return runner.run(work)


@contextmanager
def errors_reported(kept: str, lost: str = "") -> Iterator[None]:
    """Turn refusals into a CommandError that says what was `kept`, and what to do.

    `lost` is said in its place where an answer may have been lost on its way.
    """
    try:
        yield
    except BrokerUnavailable as error:
        raise CommandError(f"{error} {lost or kept} {_BROKER_AWAY}") from error
    except (BusError, BrokerError, ChannelFull) as error:
        raise CommandError(f"{str(error).rstrip('.')}. {kept}") from error


@contextmanager
def stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set an event on Ctrl-C or SIGTERM, so that work ends between two steps."""
    loop = asyncio.get_running_loop()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    except (ValueError, RuntimeError):
        # Not in the main thread: nobody presses Ctrl-C there.
        pass
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Ctrl-C is how one leaves a command that goes on for ever: a success. So is `| head`."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("\n")
    except BrokenPipeError:
        # Python flushes once more as it ends, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
