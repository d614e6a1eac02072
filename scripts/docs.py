"""The tables of docs/, made from the code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from bus.conf.kinds import Setting
from bus.conf.table import all_settings
from bus.protocol import channel_messages, commands, errors, events, objects, reasons
from config.conf import own_settings

_OBJECTS = (
    objects.Message,
    objects.Author,
    objects.RoomInfo,
    objects.You,
    objects.Presence,
    objects.Unread,
    objects.Reason,
    objects.Outcome,
    objects.Review,
    objects.ReviewHit,
    objects.SessionUser,
    objects.Limits,
)


def render(text: str) -> str:
    """The text with each table between its marks written anew."""

    def table(match: re.Match[str]) -> str:
        rows = "\n".join(_TABLES[match[1]]())
        return f"<!-- {match[1]} -->\n{rows}\n<!-- end -->"

    return re.sub(r"<!-- (\w+) -->\n.*?<!-- end -->", table, text, flags=re.S)


def _commands() -> Iterable[str]:
    yield from _head("command", "data", "reply data", "what it is for")
    for kind in commands.COMMANDS.values():
        yield _row(f"`{kind.type}`", _fields(kind), _reply(kind), kind.__doc__)


def _reply(kind: type[commands.Command]) -> str:
    if isinstance(kind.reply, str):
        return kind.reply
    return ", ".join(f"`{name}`" for name in kind.reply.model_fields)


def _events() -> Iterable[str]:
    yield from _head("event", "data", "what it says")
    for kind in events.EVENTS.values():
        yield _row(f"`{kind.type}`", _fields(kind), kind.__doc__)


def _objects() -> Iterable[str]:
    yield from _head("object", "fields", "what it is")
    for kind in _OBJECTS:
        yield _row(kind.__name__, _fields(kind), kind.__doc__)


def _errors() -> Iterable[str]:
    yield from _head("code", "meaning", "said to people")
    for code, kind in errors.by_code().items():
        yield _row(f"`{code}`", kind.__doc__, kind.message)
    for code, meaning in errors.RESERVED_CODES.items():
        yield _row(f"`{code}`", f"Reserved. {meaning}", "")


def _statuses() -> Iterable[str]:
    yield from _head("code", "status", "what to do")
    for code, kind in sorted(errors.by_code().items(), key=lambda item: item[1].status):
        yield _row(f"`{code}`", str(kind.status), kind.remedy)


def _reasons() -> Iterable[str]:
    yield from _head("reason", "said to the author")
    for code, words in reasons.REASONS.items():
        yield _row(f"`{code}`", words.sentence)


def _closings() -> Iterable[str]:
    yield from _head("code", "meaning", "come back")
    for code, close in sorted((errors.CLOSE_CODES | errors.RESERVED_CLOSE_CODES).items()):
        yield _row(str(code), close.meaning, close.back)


def _channels() -> Iterable[str]:
    yield from _head("channel", "type", "fields", "what it asks")
    for (channel, kind), schema in channel_messages.CHANNEL_MESSAGES.items():
        yield _row(f"`{channel}`", f"`{kind}`", _fields(schema), schema.__doc__)


def _settings() -> Iterable[str]:
    yield from _rows_of(all_settings())


def _project_settings() -> Iterable[str]:
    yield from _rows_of(own_settings())


def _rows_of(settings: Mapping[str, Setting[Any]]) -> Iterable[str]:
    yield from _head("variable", "meaning", "unit", "default")
    for name, setting in settings.items():
        default = setting.default
        if isinstance(default, bool):
            default = int(default)
        elif isinstance(default, list):
            default = ",".join(default) or "none"
        yield _row(f"`{name}`", setting.meaning, setting.unit, str(default))


_TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "commands": _commands,
    "events": _events,
    "objects": _objects,
    "errors": _errors,
    "statuses": _statuses,
    "reasons": _reasons,
    "closings": _closings,
    "channels": _channels,
    "settings": _settings,
    "project_settings": _project_settings,
}


def _head(*cells: str) -> Iterable[str]:
    yield _row(*cells)
    yield "|" + "---|" * len(cells)


def _row(*cells: str | None) -> str:
    return (
        "| "
        + " | ".join(" ".join((cell or "").split()).replace("|", "\\|") for cell in cells)
        + " |"
    )


def _fields(kind: type[BaseModel]) -> str:
    """The fields of a schema; a question mark where one may be left out."""
    optional = {
        name for name, field in kind.model_fields.items() if field.default is not PydanticUndefined
    }
    return ", ".join(f"`{name}`{'?' if name in optional else ''}" for name in kind.model_fields)
