"""`bus dead`: list, show, put back or drop the messages that a channel gave up on."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from channels.exceptions import ChannelFull
from django.core.management.base import CommandError

from bus.broker.operations.dead_letters import DeadLetter, DeadLetters
from bus.management.bus_commands.known_channels import require_known
from bus.management.output import clock, in_line, printable, shown, table
from bus.management.subcommand import Subcommand, errors_reported, run
from bus.messaging import operations

_ERROR_WIDTH = 60
# Of a field that lay in the stream, in bytes.
_RAW_LIMIT = 1000
# What is said when it could not be finished.
_KEPT = {
    "retry": "What was not put back is kept.",
    "discard": "What was not dropped is kept.",
}


class DeadCommand(Subcommand):
    """Looks at dead letters, and puts them back or drops them."""

    name = "dead"
    help = "list, show, put back or drop the messages that a channel gave up on"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """What to do with which."""
        parser.add_argument("action", choices=("list", "show", "retry", "discard"))
        parser.add_argument("channel")
        parser.add_argument("ids", nargs="*", metavar="ID")
        parser.add_argument("--all", action="store_true", help="retry or discard: every one")
        parser.add_argument("--type", help="list, retry or discard: those of this message type")
        parser.add_argument("--error", help="list, retry or discard: those whose error has this")
        parser.add_argument("--limit", type=_count, default=50, help="list: how many (default 50)")
        parser.add_argument("--before", metavar="ID", help="list: go on before this one")

    def handle(self, options: dict[str, Any]) -> None:
        """One of the four."""
        act = getattr(self, f"_{options['action']}")
        with errors_reported(_KEPT.get(options["action"], "Nothing was changed.")):
            run(self._with_known(act, options))

    async def _with_known(self, act: Any, options: dict[str, Any]) -> None:
        await require_known([options["channel"]])
        await act(operations.dead_letters(options["channel"]), options)

    async def _list(self, letters: DeadLetters, options: dict[str, Any]) -> None:
        page: list[DeadLetter] = []
        before, more = options["before"], True
        while more and len(page) < options["limit"]:
            read = await letters.newest(min(100, options["limit"]), before)
            more = bool(read)
            page += [letter for letter in read if _fits(letter, options)]
            before = read[-1].id if read else None
        page = page[: options["limit"]]
        if not page:
            self.stdout.write(f"{letters.channel} has no dead letters{_such(options)}.")
            return
        head = ("id", "type", "died", "attempts", "error")
        self.stdout.write(table(head, [_row(letter) for letter in page], left=3))
        if await letters.newest(1, page[-1].id):
            self.stdout.write(f"There may be more: --before {page[-1].id}")

    async def _show(self, letters: DeadLetters, options: dict[str, Any]) -> None:
        if len(options["ids"]) != 1:
            raise CommandError(f"Name one: `bus dead show {letters.channel} ID`.")
        letter = await letters.get(options["ids"][0])
        if letter is None:
            raise CommandError(_missing(letters.channel, options["ids"]))
        self.stdout.write(_described(letter))

    async def _retry(self, letters: DeadLetters, options: dict[str, Any]) -> None:
        ids = await self._chosen(letters, options)
        try:
            back = await letters.retry(ids)
        except ChannelFull as error:
            raise CommandError(
                f"{error}. Run it again when there is room: `bus stats {letters.channel}`."
            ) from error
        self.stdout.write(f"{len(back)} put back into {letters.channel}.")
        if options["ids"] and (missing := [id_ for id_ in ids if id_ not in back]):
            raise CommandError(_missing(letters.channel, missing))

    async def _discard(self, letters: DeadLetters, options: dict[str, Any]) -> None:
        if options["all"] and not (options["type"] or options["error"]):
            _require_choice(letters.channel, options)
            gone = await letters.discard_all()
        else:
            gone = await letters.discard(await self._chosen(letters, options))
        self.stdout.write(f"{gone} dropped from the dead letters of {letters.channel}.")
        if options["ids"] and gone < len(set(options["ids"])):
            raise CommandError(_missing(letters.channel, options["ids"], some=True))

    async def _chosen(self, letters: DeadLetters, options: dict[str, Any]) -> list[str]:
        """The ids that were named, or all that fit, oldest first."""
        _require_choice(letters.channel, options)
        if options["ids"]:
            return list(dict.fromkeys(options["ids"]))
        return [letter.id async for letter in letters.each() if _fits(letter, options)]


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def _require_choice(channel: str, options: dict[str, Any]) -> None:
    some = options["all"] or options["type"] or options["error"]
    if bool(options["ids"]) == bool(some):
        raise CommandError(
            f"Say which: ids, or --all, --type or --error. `bus dead list {channel}` shows them. "
            "Nothing was changed."
        )


def _fits(letter: DeadLetter, options: dict[str, Any]) -> bool:
    kind, error = options["type"], options["error"]
    return (kind is None or letter.type == kind) and (error is None or error in letter.error)


def _such(options: dict[str, Any]) -> str:
    return " of this kind" if options["type"] or options["error"] or options["before"] else ""


def _row(letter: DeadLetter) -> tuple[str, ...]:
    return (
        letter.id,
        in_line(letter.type or "(not decoded)", 40),
        clock(letter.died_at),
        str(letter.attempts),
        in_line(letter.error, _ERROR_WIDTH),
    )


def _described(letter: DeadLetter) -> str:
    lines = [
        f"id            {letter.id}",
        f"channel       {letter.channel}",
        f"type          {letter.type or '(not decoded)'}",
        f"ordering key  {letter.ordering_key}",
        f"message id    {letter.message_id}",
        f"first sent    {clock(letter.sent_at)}",
        f"died          {clock(letter.died_at)}",
        f"attempts      {letter.attempts}",
        f"error         {letter.error}",
        f"payload       {shown(letter.message, letter.payload)}",
        *(f"raw field     {name} = {_raw(value)}" for name, value in letter.raw.items()),
    ]
    return printable("\n".join([*lines, letter.traceback]).rstrip())


def _raw(value: bytes) -> str:
    """A field as it lay in the stream: text, or hex where it is none; cut where it is long."""
    said = value[:_RAW_LIMIT].decode("utf-8", "replace")
    said = value[:_RAW_LIMIT].hex() if "\ufffd" in said else said
    return said if len(value) <= _RAW_LIMIT else f"{said}… ({len(value)} bytes)"


def _missing(channel: str, ids: list[str], *, some: bool = False) -> str:
    return (
        f"There is no dead letter {' or '.join(ids)} in {channel}{' (any more)' if some else ''}: "
        "somebody put it back or dropped it, or it was never there. Nothing was changed about it; "
        f"`bus dead list {channel}` shows what there is."
    )
