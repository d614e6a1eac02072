"""`bus moderate`: what the engine says to each line of its input."""

import io
import json
import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Any, Final

from bus.management.subcommand import Subcommand
from bus.moderation import POLICIES, Policy, judge

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class BadLineError(ValueError):
    """A line of JSON input that holds no text; its message names the line."""


def read_text(line: str, number: int, *, jsonl: bool) -> str:
    """The text of one line of input."""
    line = line.rstrip("\r\n")
    if not jsonl:
        return line
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLineError(f"line {number}: not JSON ({error})") from error
    text = data.get("text") if isinstance(data, dict) else None
    if not isinstance(text, str):
        raise BadLineError(f"line {number}: no string `text`")
    return text


def moderate(
    lines: Iterable[str], policy: Policy, *, jsonl: bool = False
) -> Iterator[dict[str, Any]]:
    """The answer to each line, as it comes: a verdict, or an error for a line that is wrong."""
    for number, line in enumerate(lines, start=1):
        try:
            yield judge(read_text(line, number, jsonl=jsonl), policy).as_json()
        except BadLineError as error:
            yield {"error": {"code": "invalid", "message": str(error)}}


def encode(answer: dict[str, Any]) -> str:
    """One answer as one line of JSON."""
    line = json.dumps(answer, ensure_ascii=False)
    # Half of a surrogate pair has no UTF-8; JSON's own escape says the same.
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", line)


def _input() -> Iterable[str]:
    """The lines of standard input; bytes that are no UTF-8 are judged as unreadable characters."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        # Only \n ends a line: other line breaks are part of a text.
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace", newline="\n")
    return sys.stdin


class ModerateCommand(Subcommand):
    """Judges each line of standard input; needs no database and no broker."""

    name = "moderate"
    help = "judge a text per line of standard input and write a JSON line each"
    is_checked = False

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """The policy, and how the input is written."""
        parser.add_argument("--policy", default="standard", choices=sorted(POLICIES))
        parser.add_argument(
            "--jsonl", action="store_true", help='lines are JSON objects with a "text"'
        )

    def handle(self, options: dict[str, Any]) -> None:
        """Answer line by line, so that a program may talk to the command through pipes."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        try:
            wrong = self._answer(options)
        except BrokenPipeError:
            # Whoever read us has enough; Python's own last flush must not complain either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        if wrong:
            sys.exit(1)

    def _answer(self, options: dict[str, Any]) -> bool:
        """Answer all lines; returns whether one was wrong."""
        wrong = False
        for answer in moderate(_input(), POLICIES[options["policy"]], jsonl=options["jsonl"]):
            wrong = wrong or "error" in answer
            self.stdout.write(encode(answer))
            self.stdout.flush()
        return wrong
