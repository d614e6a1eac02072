"""Write the tables of docs/ from the code; `make docs` runs it, a test asks whether it was run."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pydantic import BaseModel  # noqa: E402
from pydantic_core import PydanticUndefined  # noqa: E402

from bus.conf.table import all_settings  # noqa: E402
from bus.protocol import channel_messages, commands, errors, events, objects  # noqa: E402

FILES = ("protocol.md", "settings.md")
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
_REPLIES = {
    "session.authenticate": "`user`",
    "session.ping": "`server_time`",
    "room.join": ", ".join(f"`{name}`" for name in objects.Joined.model_fields),
    "room.leave": "",
    "message.send": "`status`; of a repeat that is settled, the outcome",
    "message.edit": "`seq`",
    "message.delete": "`seq`; null of a held message, which had none",
    "message.report": "",
    "typing.start": "",
    "read.mark": "",
    "unread.list": "`rooms`",
    "history.list": ", ".join(f"`{name}`" for name in objects.History.model_fields),
}


def main() -> None:
    """Write every file anew."""
    for name in FILES:
        path = ROOT / "docs" / name
        path.write_text(render(path.read_text("utf-8")), "utf-8")


def render(text: str) -> str:
    """The text with each table between its marks written anew."""

    def table(match: re.Match[str]) -> str:
        rows = "\n".join(_TABLES[match[1]]())
        return f"<!-- {match[1]} -->\n{rows}\n<!-- end -->"

    return re.sub(r"<!-- (\w+) -->\n.*?<!-- end -->", table, text, flags=re.S)


def _commands() -> Iterable[str]:
    yield from _head("command", "data", "reply data", "what it is for")
    for kind in commands.COMMANDS.values():
        yield _row(f"`{kind.type}`", _fields(kind), _REPLIES[kind.type], kind.__doc__)


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
    for kind in _subclasses(errors.BusError):
        yield _row(f"`{kind.code}`", kind.__doc__, kind.message)
    for code, meaning in errors.RESERVED_CODES.items():
        yield _row(f"`{code}`", f"Reserved. {meaning}", "")


def _reasons() -> Iterable[str]:
    from bus.protocol.reasons import REASONS

    yield from _head("reason", "said to the author")
    for code, said in REASONS.items():
        yield _row(f"`{code}`", said)


def _channels() -> Iterable[str]:
    yield from _head("channel", "type", "fields", "what it asks")
    for (channel, kind), schema in channel_messages.CHANNEL_MESSAGES.items():
        yield _row(f"`{channel}`", f"`{kind}`", _fields(schema), schema.__doc__)


def _settings() -> Iterable[str]:
    yield from _head("variable", "meaning", "unit", "default")
    for name, setting in all_settings().items():
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
    "reasons": _reasons,
    "channels": _channels,
    "settings": _settings,
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


def _subclasses(of: type[errors.BusError]) -> Iterable[type[errors.BusError]]:
    for kind in of.__subclasses__():
        # A refinement elsewhere has its parent's code, and is the same on the wire.
        if kind.__module__ == errors.__name__:
            yield kind
        yield from _subclasses(kind)


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
