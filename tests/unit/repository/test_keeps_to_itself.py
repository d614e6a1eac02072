"""Bus is one app among others of a project: its names are its own, and no address is by hand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import global_settings

from bus.conf.table import all_settings
from bus.http.guest_cookie import GUEST_COOKIE

ROOT = Path(__file__).resolve().parents[3]
BUS = ROOT / "bus"
# Settings of Django's ecosystem that are not in Django's own defaults; each with its why.
OF_OTHERS = {
    "ASGI_APPLICATION": "Channels'",
    "CHANNEL_LAYERS": "Channels'",
    "ROOT_URLCONF": "Django's, which has no default for it",
    "TASKS": "of Django 6",
}
# Where a request or a socket goes that is not below the project: at the broker, or another server.
ADDRESS = re.compile(
    r"""(?x)
    (?<![\w.}/])            # no part of a longer address
    /(?:chat|ws|api|accounts|static|admin|livez|readyz|favicon\.ico|live)\b
    """
)
# Lines with an address that is none of a page, a script, a cookie, an e-mail or a redirect.
EXAMPLES = {
    # `up` has the host's own URLconf for all but what it says without one.
    "management": "commands say what to open, or ask this machine",
    "embedded": "asks this machine",
}


def sources(*suffixes: str) -> Iterator[tuple[Path, str]]:
    for path in sorted(BUS.rglob("*")):
        if path.suffix in suffixes and "locale" not in path.parts:
            yield path.relative_to(BUS), path.read_text("utf-8")


def strings(text: str) -> Iterator[str]:
    """The texts of a module, without its docstrings and comments."""
    tree = ast.parse(text)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_no_address_is_by_hand() -> None:
    found = {
        (str(path), line.strip())
        for path, text in sources(".html", ".txt", ".js", ".css")
        for line in re.sub(r"/\*.*?\*/", "", text, flags=re.S).splitlines()
        if "templates" in path.parts or "static" in path.parts
        if ADDRESS.search(line)
    } | {
        (str(path), value)
        for path, text in sources(".py")
        for value in strings(text)
        if path.parts[0] not in EXAMPLES and ADDRESS.search(value)
    }
    # What says which addresses there are: in messages for developers, and in the settings' table.
    assert {one for one in found if one[0] not in ("conf/table.py", "checks.py")} == set()


def test_the_search_for_addresses_finds_them() -> None:
    for line in ('connect("/ws/")', "href='/chat/'", "fetch(`/api/v1/x`)", "url(/static/bus/x)"):
        assert ADDRESS.search(line)
    for line in ("../client.js", "https://x.example/chat/", "{{ url }}/chat/", "bus/static/bus"):
        assert not ADDRESS.search(line)


def test_scripts_and_styles_name_their_neighbours_relative_to_themselves() -> None:
    named = [
        name
        for _, text in sources(".js", ".css")
        for name in re.findall(r"""(?:from|import|url\()\s*["']([^"']+)["']""", text)
    ]
    assert named
    assert all(name.startswith(("./", "../")) for name in named)


def test_templates_and_files_lie_under_our_name() -> None:
    for root in ("templates", "static"):
        found = [path.relative_to(BUS / root) for path in (BUS / root).rglob("*") if path.is_file()]
        assert found
        assert {path.parts[0] for path in found} == {"bus"}


def test_tables_bear_our_name() -> None:
    models = [
        model
        for config in apps.get_app_configs()
        if config.name.partition(".")[0] == "bus"
        for model in config.get_models(include_auto_created=True)
    ]
    assert len(models) > 15
    assert {model._meta.db_table.partition("_")[0] for model in models} == {"bus"}


def test_the_one_cookie_bears_our_name() -> None:
    assert GUEST_COOKIE.startswith("bus_")
    setting = {str(path) for path, text in sources(".py") if re.search(r"\.set_cookie\(", text)}
    assert setting == {"http/guest_cookie.py"}


def test_settings_bear_our_name_or_are_djangos() -> None:
    assert all(name.startswith("BUS_") for name in all_settings())
    named = {
        (str(path), name)
        for path, text in sources(".py")
        if path.name != "settings.py"
        for name in re.findall(r"""\bsettings(?:\.|, ")([A-Z][A-Z_]+)\b""", text)
    }
    assert ("consumers/identity.py", "SESSION_COOKIE_NAME") in named
    known = {*dir(global_settings), *OF_OTHERS}
    assert {one for one in named if one[1] not in known and not one[1].startswith("BUS_")} == set()


def test_loggers_bear_our_name_and_nothing_sets_them_up() -> None:
    names = {
        name for _, text in sources(".py") for name in re.findall(r"\bgetLogger\(([^)]*)\)", text)
    }
    # What is logged again is logged where it was.
    assert names <= {"__name__", "name", '"bus"'}
    assert not [path for path, text in sources(".py") if re.search(r"basicConfig|dictConfig", text)]
