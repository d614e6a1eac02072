"""Words that once meant many things mean one: each identifier that has one of them is in a list.

Comments are English, and may say "told"; names of functions, variables, fields and keys may not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUS = ROOT / "bus"


class Word(NamedTuple):
    """What a word means, and the identifiers that have it: by file or directory, a pattern."""

    meaning: str
    where: dict[str, str]


# Group messages go between processes of two releases, while one is replaced by the other.
GROUP_KEYS = {"messaging/event_batch.py": "plain|own", "realtime/hub.py": "plain|own"}
WORDS = {
    "tell": Word("nothing: it is publish, notify, raise, acknowledge or log", {}),
    "place": Word(
        "where something stands in a text",
        {
            "models/listing.py": "place",
            "moderation/classifier": "places?",
            "moderation/links/hosts.py": "_places|denied_places|places",
            "moderation/personal": "places",
            "moderation/rules": "_places|denied_places|places?",
            "moderation/text": "places?",
            "moderation/words": "_Place|_places|places?",
            # The key of a group message, whose field is `room_authors`.
            "messaging/access_changes.py": "places",
            "consumers/watched_sockets.py": "places",
        },
    ),
    "plain": Word(
        "plain chat, the protocol of the tutorials",
        {"": "(bus:)?(for_|is_)?_?plain_?chat(_.*)?", "conf/table.py": "plain_send_rate"}
        | {"consumers/plain_chat.py": "plain_send_rate"}
        | GROUP_KEYS,
    ),
    "wire": Word(
        "a JSON object as PROTOCOL names its fields",
        {
            "protocol": "as_wire|wire",
            "client": "from_wire|wire",
            "api": "as_wire|wire",
            "posting/edit.py": "as_wire",
            "unavailable.py": "as_wire",
        },
    ),
    "own": Word(
        "a room's own terms, which its moderators list",
        {
            "moderation/policy/policy.py": "own_severity",
            "moderation/reasons.py": "own",
            "moderation/rules": "own|own_severity",
            "moderation/words/custom_lists.py": "own",
            "moderation/words/terms.py": "own",
            # What the weights of this project's own data are called in a setting.
            "moderation/classifier/__init__.py": "own",
            "conf/table.py": "own",
        }
        | GROUP_KEYS,
    ),
    "entry": Word(
        "one of a log: of a Redis stream (in Lua), or of the audit log",
        {"": "AuditEntry(Admin)?|audit_entry", "broker/scripts": "entry"}
        # JavaScript's own.
        | {"static/bus": "entries"},
    ),
    "outbox": Word(
        "sends that are stored with a transaction",
        {
            "": "outbox",
            # Of BUS_OUTBOX_LIMIT, which sites have set: how much a socket writer keeps.
            "conf/table.py": "outbox_limit",
            "realtime": "outbox_limit",
        },
    ),
    "history": Word(
        "what was said in a room",
        {
            "chat": "history",
            "client": "history|history\\.list",
            "consumers": "history|History|HistoryList|list_history",
            "posting": "history",
            "protocol": "history\\.list|History|HistoryList",
            "pages": "history",
            "review": "history|_history",
            "workers": "history",
            "static/bus": "history",
            # The messages of a channel that were handled: names of keys, and of the API's answer.
            "broker/channel_stats.py": "history",
            "broker/operations": ":history",
            "broker/wrong_type.py": "history(:size)?",
        },
    ),
    "conduct": Word(
        "how a room's settings are stored, and called on the command line",
        {
            "admin": "conduct",
            "chat": "conduct",
            "enforcement/room_policies.py": "conduct",
            "management/moderation_commands/policy.py": "(--)?conduct",
            "models/room.py": "conduct",
            "models/sql/rooms.py": "conduct",
        },
    ),
    "ladder": Word(
        "steps, each for more than the one before, as they are stored",
        {"enforcement/room_settings.py": "ladder", "moderation/policy": "ladders"},
    ),
    "roster": Word(
        "the key of a room's presence, which processes of two releases share",
        {"messaging/presence_store.py": ":?roster\\."},
    ),
    "pace": Word("nothing: it is a rate", {}),
}
FORMS = {"told": "tell", "tells": "tell", "telling": "tell", "untold": "tell", "entries": "entry"}

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_LIKE_A_NAME = re.compile(r"[\w:.\-]+")
_LUA_NOISE = re.compile(r"--[^\n]*|'[^'\n]*'")
_JS_NOISE = re.compile(r"/\*.*?\*/|(?<![:\\])//[^\n]*|\"[^\"\n]*\"|`[^`]*`|/[^/\n ]+/[a-z]*", re.S)


@cache
def words_of(identifier: str) -> set[str]:
    """Its words, in the form that `WORDS` has."""
    found = {word.lower() for word in _WORD.findall(identifier)}
    forms = {FORMS.get(word, word) for word in found}
    return forms | {word[:-1] for word in forms if word.endswith("s")}


def python_names(source: str) -> Iterator[str]:
    """What a module calls things by: names, attributes, arguments, and texts that are like one."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.keyword(arg=str(name)) | ast.alias(asname=str(name)):
                yield name
            case ast.Constant(value=str(text)) if _LIKE_A_NAME.fullmatch(text):
                yield text


def names(file: str, source: str) -> set[str]:
    """The identifiers of a file; a module's own name is one."""
    stem = {file.partition(".")[0]}
    if file.endswith(".py"):
        return stem | set(python_names(source))
    noise = _LUA_NOISE if file.endswith(".lua") else _JS_NOISE
    return stem | set(re.findall(r"[A-Za-z_]\w*", noise.sub(" ", source)))


@cache
def package() -> dict[str, set[str]]:
    """The identifiers of every source file of the package, by its path in it."""
    return {
        path.relative_to(BUS).as_posix(): names(path.name, path.read_text("utf-8"))
        for suffix in ("py", "lua", "js")
        for path in sorted(BUS.rglob(f"*.{suffix}"))
        if "migrations" not in path.parts and "vendor" not in path.parts
    }


def used(word: str, files: dict[str, set[str]]) -> set[tuple[str, str]]:
    """The identifiers with a word, each with its file."""
    return {
        (path, name) for path, found in files.items() for name in found if word in words_of(name)
    }


def allows(where: str, pattern: str, path: str, name: str) -> bool:
    """Whether a line of a word's list has this identifier."""
    return path.startswith(where) and re.fullmatch(pattern, name, re.I) is not None


@pytest.mark.parametrize("word", WORDS)
def test_a_word_has_the_one_meaning(word: str) -> None:
    listed = WORDS[word].where.items()
    second = {
        (path, name)
        for path, name in used(word, package())
        if not any(allows(*line, path, name) for line in listed)
    }
    assert second == set(), f"{word} means {WORDS[word].meaning}; take another word here"


@pytest.mark.parametrize("word", WORDS)
def test_what_is_listed_of_a_word_is_in_use(word: str) -> None:
    found = used(word, package())
    assert [
        line
        for line in WORDS[word].where.items()
        if not any(allows(*line, path, name) for path, name in found)
    ] == []


@pytest.mark.parametrize(
    ("path", "source", "word"),
    [
        ("a.py", "def tell_all(): pass", "tell"),
        ("a.py", "def f(told): pass", "tell"),
        ("a.py", "x.untold = 1", "tell"),
        ("a.py", "class _Place: pass", "place"),
        ("a.py", "f(places=1)", "place"),
        ("a.py", "{'own': 1}", "own"),
        ("a.lua", "local entries = 1", "entry"),
        ("a.js", "const outbox = 1;", "outbox"),
        ("outbox.py", "", "outbox"),
    ],
)
def test_a_second_meaning_is_found(path: str, source: str, word: str) -> None:
    assert used(word, {path: names(path, source)})


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.py", "# told\nx = 'it was told in its place'"),
        ("a.lua", "-- told\nlocal x = 'own'"),
        ("a.js", '// own place\nconst x = "own"; /* told */'),
        ("a.py", "placeholder = townhall = plainly = entrypoint = 1"),
    ],
)
def test_english_is_no_identifier(path: str, source: str) -> None:
    assert not any(used(word, {path: names(path, source)}) for word in WORDS)
