"""What the clients have to know of the protocol, made from the server's code.

client.js, client.d.ts and the page's reasons.js bear it between two marks, `// <name>` and
`// </name>`; the Python client has a file of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping

from bus.conf.table import all_settings
from bus.protocol import commands, errors, events, frames, reasons

# The names by which both clients tell their listeners of events; others have their wire's name.
LISTENERS = {
    "message.posted": "message",
    "message.edited": "edited",
    "message.removed": "removed",
    "message.settled": "settled",
    "presence.changed": "presence",
    "typing.changed": "typing",
    "room.changed": "changed",
    "member.changed": "member",
    "event.published": "event",
}
# Why a connection ended, where no code of the server says it.
_LOST, _TIMEOUT, _CLOSED = "lost", "timeout", "closed"
# What the Python client acts on by itself.
_CLOSING = (
    "CLOSE_RESTART",
    "CLOSE_BAD_FRAME",
    "CLOSE_UNAUTHENTICATED",
    "CLOSE_FORBIDDEN",
    "CLOSE_TOO_MANY",
)
_WIDTH = 96


def render(text: str) -> str:
    """The text with what is between its marks written anew."""

    def region(match: re.Match[str]) -> str:
        lines = "".join(f"{line}\n" for line in _REGIONS[match[1]]())
        return f"// <{match[1]}>\n{lines}// </{match[1]}>\n"

    return re.sub(r"// <(\w+)>\n.*?// </\1>\n", region, text, flags=re.S)


def constants(_text: str) -> str:
    """The Python client's file."""
    return "\n".join(
        [
            '"""What the protocol says: codes, names and limits; written by `make docs`."""',
            "",
            f"SUBPROTOCOL = {_text_of(frames.PROTOCOL)}",
            "",
            "# Where the session's first frame does not say it: bytes of a frame, seconds.",
            f"FRAME_LIMIT = {_default('BUS_FRAME_LIMIT')}",
            f"HEARTBEAT = {_default('BUS_HEARTBEAT')}",
            "",
            "# What the server closes with; with the final ones a client does not come back.",
            *(f"{name} = {getattr(errors, name)}" for name in _CLOSING),
            f"FINAL_CODES = {_dict(_reasons_of_closing(final=True))}",
            "",
            "# Refusals that asking again may mend, and those that only ask for a pause.",
            f"TRANSIENT = {_set(_transient())}",
            f"LIMITS = {_set(_limits())}",
            "",
            "# Events that take a `seq` of their room, and what listeners know events by.",
            f"SEQUENCED = {_dict(_sequenced())}",
            f"NAMES = {_dict(LISTENERS)}",
            "",
        ]
    )


def _protocol() -> Iterable[str]:
    """Of client.js."""
    lost = {str(code): why for code, why in _reasons_of_closing(final=False).items()}
    yield f"const CLOSED = {_object(_reasons_of_closing(final=True))};"
    yield f"const LOST = {_object({**lost, _TIMEOUT: _TIMEOUT})};"
    yield f"const TRANSIENT = {json.dumps(_transient())};"
    yield "const SEQUENCED = {"
    yield from _wrapped(_pairs(_sequenced()), ", ", ",")
    yield "};"
    others = {name: heard for name, heard in LISTENERS.items() if name not in _sequenced()}
    yield "const EVENTS = {"
    yield from _wrapped(["...SEQUENCED", *_pairs(others)], ", ", ",")
    yield "};"


def _names() -> Iterable[str]:
    """Of client.d.ts."""
    known = [*errors.by_code(), *errors.RESERVED_CODES, *reasons.REASONS]
    ended = [
        *(_LOST, _TIMEOUT),
        *_reasons_of_closing(final=False).values(),
        *_reasons_of_closing(final=True).values(),
        _CLOSED,
    ]
    yield from _union("CommandType", "What a client may ask.", commands.COMMANDS, opened=True)
    yield from _union("EventType", "What it is told.", events.EVENTS, opened=True)
    yield from _union("Code", "Why something was refused.", dict.fromkeys(known), opened=True)
    yield from _union("CloseReason", "Why a connection ended.", dict.fromkeys(ended))


def _words() -> Iterable[str]:
    """Of the page's reasons.js."""
    yield "const WORDS = {"
    for code, phrase in reasons.phrases().items():
        yield f"  {code}: gettext({json.dumps(phrase)}),"
    yield "};"


_REGIONS: dict[str, Callable[[], Iterable[str]]] = {
    "protocol": _protocol,
    "names": _names,
    "reasons": _words,
}


def _transient() -> list[str]:
    return [code for code, kind in errors.by_code().items() if kind.transient]


def _limits() -> list[str]:
    found = errors.by_code().items()
    return [code for code, kind in found if issubclass(kind, errors.RateLimited)]


def _sequenced() -> dict[str, str]:
    found = events.EVENTS.items()
    return {name: LISTENERS[name] for name, event in found if event.sequenced}


def _reasons_of_closing(*, final: bool) -> dict[int, str]:
    codes = errors.CLOSE_CODES | errors.RESERVED_CLOSE_CODES
    found = sorted(codes.items())
    return {code: each.reason for code, each in found if each.final is final and each.reason}


def _default(setting: str) -> object:
    return all_settings()[setting].default


# ── Text ─────────────────────────────────────────────────────────────────────────────────────────


def _text_of(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _dict(values: Mapping[int, str] | Mapping[str, str]) -> str:
    rows = (f"    {_text_of(key)}: {_text_of(value)}," for key, value in values.items())
    return "\n".join(["{", *rows, "}"])


def _set(values: Iterable[str]) -> str:
    return f"frozenset({{{', '.join(map(_text_of, values))}}})"


def _pairs(values: Mapping[str, str]) -> list[str]:
    return [f"{_text_of(key)}: {_text_of(value)}" for key, value in values.items()]


def _wrapped(parts: Iterable[str], between: str, end: str) -> Iterable[str]:
    """The parts in lines that are not too long; client.js has no byte to spare."""
    line = ""
    for part in parts:
        if line and len(line) + len(between) + len(part) > _WIDTH:
            yield f"  {line}{between.rstrip()}"
            line = part
        else:
            line = f"{line}{between}{part}" if line else part
    yield f"  {line}{end}"


def _object(values: Mapping[int, str] | Mapping[str, str]) -> str:
    pairs = ", ".join(f"{key}: {_text_of(value)}" for key, value in values.items())
    return f"{{ {pairs} }}"


def _union(name: str, what: str, values: Iterable[str], *, opened: bool = False) -> Iterable[str]:
    """A type of these texts; of others, too, where a newer server may have more."""
    yield f"/** {what} */"
    yield f"export type {name} ="
    options = [_text_of(value) for value in values] + ["(string & {})"] * opened
    yield from _wrapped(options, " | ", ";")
