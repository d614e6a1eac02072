"""The kinds of values that frames and channel messages hold, and how a wrong one is refused."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import from_json, to_json

from bus import nested
from bus.conf import conf
from bus.protocol import user_ids
from bus.protocol.errors import Invalid, NotFound, TooLong
from bus.unicode import bidi
from bus.unicode.graphemes import fitting
from bus.unicode.normal_form import fold, nfc

M = TypeVar("M", bound=BaseModel)
_set = object.__setattr__

# A room's id and an author's key.
RoomAuthor = tuple[int, str]

ROOM_NAME_LIMIT = 64
# No longer text is another spelling of a name.
_SPELLED_LIMIT = 4 * ROOM_NAME_LIMIT
# What joins letters of some scripts; never first or last.
_JOINERS = "\u200c\u200d"
# Look like nothing, though Unicode calls them letters or symbols.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
# Controls, halves of characters, and what ends lines.
_UNSHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")
# Control characters say nothing in a chat; in what has lines, line ends and tabs do.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


# Most that come name the same few rooms.
@lru_cache(4096)
def _room_name(value: str) -> str:
    """The name as it is spelled: which room it means, the database knows."""
    for name in (nfc(value) if len(value) <= _SPELLED_LIMIT else "", _folded(value)):
        if name and _names_a_room(name):
            return name
    raise ValueError("a room's name is 1 to 64 letters, digits, - or _")


def _folded(name: str) -> str:
    return fold(name) if len(name) <= _SPELLED_LIMIT else ""


def _names_a_room(name: str) -> bool:
    # Word characters as Unicode has them (UTS 18): marks too, which Python's \w leaves out.
    return (
        1 <= len(name) <= ROOM_NAME_LIMIT
        and all(c in "_-" or c in _JOINERS or unicodedata.category(c)[0] in "LMN" for c in name)
        and all(unicodedata.category(name[end])[0] != "C" for end in (0, -1))
        and _visible(name)
    )


def _visible(text: str) -> bool:
    # Nearly everything begins with a letter, and that is quickly seen.
    if text[:1].isascii() and text[:1].isalnum():
        return True
    return any(unicodedata.category(c)[0] not in "CZM" and c not in _BLANKS for c in text)


def _line(value: str) -> str:
    if _LINE_CONTROL.search(value):
        raise ValueError("control characters are not allowed")
    return value


def _label(value: str) -> str:
    if bidi.has_controls(_line(value)):
        raise ValueError("characters that turn the direction of writing are not allowed")
    return value


def _remark(value: str) -> str:
    return nfc(bidi.balanced(_line(value)))


def _name(value: str) -> str:
    name = nfc(_label(value).strip())
    if not _visible(name):
        raise ValueError("there is nothing in it")
    return name


def readable_name(value: str) -> str:
    """What can be shown of a name that is older than the rules for names."""
    shown = "".join(c for c in value if unicodedata.category(c) not in _UNSHOWN)[:150].strip()
    return shown if _visible(shown) else "?"


def _lines(value: str) -> str:
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    # Before anything is stripped: Python takes some of them for spaces.
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return nfc(bidi.balanced(text.strip()))


def _text(value: str) -> str:
    text = _lines(value)
    if not _visible(text):
        raise ValueError("there is nothing in it")
    return text


def check_text(value: str) -> str:
    """The Text in a text; raises ValueError where there is none."""
    return _text(value)


def _body(value: str) -> str:
    text = _text(value)
    if fitting(text, conf.body_limit) < len(text):
        raise TooLong(f"A message has {conf.body_limit} characters at most.", field="body")
    return text


def check_body(value: str) -> str:
    """The Body in a text; raises ValueError where there is none, or TooLong."""
    return _body(value)


def _payload(value: Any) -> Any:
    """The value, where JSON can say it; raises Invalid naming what it cannot say by its path."""
    try:
        _through_json(value)
    except (ValueError, RecursionError) as error:
        refusal = _no_json(nested.path_where([value], _is_no_json).partition(".")[2], str(error))
    else:
        odd = nested.odd_key(value, str) if isinstance(value, dict | list | tuple) else None
        if odd is None:
            return value
        refusal = _no_json(odd[0], f"the key {odd[1]!r} is no text")
    raise refusal


def _no_json(path: str, why: str) -> Invalid:
    field = f"payload.{path}" if path else "payload"
    return Invalid(f"{field}: it cannot be written as JSON: {why}", field=field)


def _through_json(value: Any) -> None:
    # Both ways: NaN can be written, and no browser reads it.
    from_json(to_json(value), allow_inf_nan=False)


def _is_no_json(value: Any) -> bool:
    try:
        _through_json(value)
    except (ValueError, RecursionError):
        return True
    return False


_MESSAGE_ID = r"^[0-9]{1,18}$"
_LINK = re.compile(r"(?:https?://|/)[^\s\x00-\x20\x7f]{0,2000}")

RoomName = Annotated[str, AfterValidator(_room_name)]
# Something to read, in NFC: line ends are \n, and nothing is around it.
Text = Annotated[str, AfterValidator(_text)]
Body = Annotated[str, AfterValidator(_body)]
CLIENT_ID_LIMIT = 64
ClientId = Annotated[str, Field(min_length=1, max_length=CLIENT_ID_LIMIT), AfterValidator(_label)]
# What stands in a line of other text: nothing in it ends the line or turns what follows.
Label = Annotated[str, AfterValidator(_label)]
# The same with something to read in it: what somebody is called.
Name = Annotated[str, AfterValidator(_name)]
# A few words to a person, in one line, or none.
Remark = Annotated[str, AfterValidator(_remark)]
MessageId = Annotated[str, Field(pattern=_MESSAGE_ID)]
UserNumber = Annotated[int, Field(strict=True, ge=1, lt=2**63)]
# Of a user model whose primary key is no number.
UserText = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(user_ids.checked)]
# A user whom a service names.
UserId = Annotated[int | str, AfterValidator(user_ids.reference)]
GuestKey = Annotated[str, Field(pattern=r"^g[0-9a-zA-Z_-]{1,62}$")]
Link = Annotated[str, Field(pattern=f"^{_LINK.pattern}$")]
# What stands for something that is not to be told.
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Ref = Annotated[str, Field(max_length=64)]
Seq = int
Status = Literal["posted", "held", "rejected"]
Rooms = list[RoomName] | Literal["all"]
EventName = Annotated[Label, Field(min_length=1, max_length=100)]
# Anything that JSON can say.
Payload = Annotated[Any, AfterValidator(_payload)]


def link(url: str) -> str | None:
    """A URL that a page may link to: by http or https, or a path; None for all others."""
    return url if _LINK.fullmatch(url) else None


def remark(value: str, field: str) -> str:
    """A Remark that came in no frame, with nothing around it; raises Invalid naming the field."""
    return _checked(lambda: _remark(value.strip(" \t\r\n")), field)


def paragraphs(value: str, field: str) -> str:
    """As `remark`, but of any number of lines."""
    return _checked(lambda: _lines(value), field)


def check_label(value: str) -> None:
    """Refuse what no Label can be; raises ValueError."""
    _label(value)


def _checked(read: Callable[[], str], field: str) -> str:
    try:
        return read()
    except ValueError as error:
        raise Invalid(f"{field}: {error}", field=field) from None


def message_number(value: str) -> int:
    """A MessageId that came in no frame, as the database has it; raises NotFound."""
    if not re.fullmatch(_MESSAGE_ID, value):
        raise NotFound("There is no such message.")
    return int(value)


# Those of one transaction have the same.
@lru_cache(1024)
def timestamp(moment: dt.datetime | None) -> str:
    """A moment on the wire: UTC, milliseconds, Z."""
    if moment is None:
        return ""
    if moment.tzinfo is not dt.UTC:
        moment = moment.astimezone(dt.UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def canonical_name(name: str) -> str | None:
    """The one spelling of a room's name, or None if no new room can be called so."""
    return _canonical(name) if len(name) <= _SPELLED_LIMIT else None


@lru_cache(4096)
def _canonical(name: str) -> str | None:
    folded = fold(name)
    return folded if _names_a_room(folded) else None


def spelled_name(name: str) -> str | None:
    """A room's name as it is spelled, or None if it can mean no room."""
    try:
        return _room_name(name)
    except ValueError:
        return None


def constructed(schema: type[M], fields: dict[str, Any], given: set[str]) -> M:
    """A model of all its fields, which are right; as `model_construct`, in a third of the time."""
    made = schema.__new__(schema)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_fields_set__", given)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


def validate(schema: type[M], data: dict[str, Any]) -> M:
    """The data as the schema has it; raises Invalid naming the field."""
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        refusal = refusal_of(error)
    # Out here, so that the refusal does not hold the error: that one holds frames in a way which
    # the garbage collector cannot see, and with them whoever was sent the wrong field.
    raise refusal


def refusal_of(error: ValidationError) -> Invalid:
    """The first thing that is wrong, as a refusal; raise it after the `except` block."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    text = first["msg"].removeprefix("Value error, ")
    return Invalid(f"{field}: {text}" if field else text, field=field or None)
