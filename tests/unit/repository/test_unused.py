"""Nothing is kept that nothing uses: settings, errors, codes, requirements, public functions."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bus.conf.kinds import Setting
from bus.conf.table import Conf
from bus.protocol import errors
from config.conf import Conf as ProjectConf

ROOT = Path(__file__).resolve().parents[3]
BUS = ROOT / "bus"
SETTINGS = ROOT / "config" / "settings.py"
# What is made and measured here, beside the product.
TOOLS = ROOT / "tools"

# What screens and endpoints to come will call, or what nobody but tests has to; each with its why.
LATER = {
    "bus.protocol.errors.CLOSE_CODES": "the docs and what clients know are made from it",
    "bus.protocol.errors.RESERVED_CLOSE_CODES": "as those, which the wire promises",
    "bus.protocol.reasons.phrases": "the page's words are made from it",
    "bus.messaging.inbox.dropped": "the metrics will tell of it; tests count with it",
    "bus.review.appeals.appeal": "authors get a way to appeal",
    "bus.review.reviews.claim": "moderators get a page of reviews",
    "bus.review.reviews.release": "moderators get a page of reviews",
    "bus.review.reviews.queue": "moderators get a page of reviews",
    "bus.chat.tokens.for_user": "backends get tokens over HTTP; until then they call this",
    "bus.chat.tokens.for_guest": "backends get tokens over HTTP; until then they call this",
    "bus.enforcement.room_policies.forget": "a test's rooms have the ids of another test's",
    "bus.chat.impostors.forget": "a test's names are those of another test",
}
# What Django, the servers and the engine find by custom.
CUSTOM = re.compile(
    r"config\.(settings\..*|urls\.\w+|management\.commands\.\w+\.Command)|bus\.((layer|publisher)\..*|management\.commands\.\w+\.Command|moderation\.rules\.\w+\.find"
    r"|asgi\..*|embedded\.web\.application|(\w+\.)*(urlpatterns|app_name)|apps\.BusConfig|broker\.apps\.BrokerConfig|broker\.management\.commands\.\w+\.Command)"
)
# The names of modules where they differ from those of distributions.
MODULES = {
    "ahocorasick-rs": "ahocorasick_rs",
    "channels-redis": "channels_redis",
    "dj-database-url": "dj_database_url",
    "django-axes": "axes",
    "django-ninja": "ninja",
    "google-re2": "re2",
    "pyjwt": "jwt",
}


@cache
def trees() -> dict[str, ast.Module]:
    """The modules of the product and of its tools by their names."""
    found = {}
    for path in sorted(
        [path for root in (BUS, SETTINGS.parent, TOOLS) for path in root.rglob("*.py")]
    ):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "migrations" not in parts:
            name = ".".join(parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text("utf-8"))
            found[name].is_package = path.name == "__init__.py"  # type: ignore[attr-defined]
    return found


def imports(name: str, tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """What a module imports: the name that it has there, the module, and what of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                yield one.asname or one.name, one.name, ""
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                parts = name.split(".")
                up = node.level - getattr(tree, "is_package", False)
                base = parts[: len(parts) - up]
                source = ".".join([*base, *([source] if source else [])])
            for one in node.names:
                yield one.asname or one.name, source, one.name


def own_names(node: ast.stmt) -> list[str]:
    """What a statement at the top of a module defines; what a decorator registers is used by it."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [] if node.decorator_list and not _is_plain(node) else [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [one.id for one in targets if isinstance(one, ast.Name)]


def _is_plain(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether all that its decorators do is to change it."""
    changing = {"dataclass", "lru_cache", "cache", "contextmanager", "asynccontextmanager"}
    names = [n.id for d in node.decorator_list for n in ast.walk(d) if isinstance(n, ast.Name)]
    return set(names) & changing != set()


@cache
def used() -> set[str]:
    """Every name that the product or its tools use, as module.name."""
    found = set()
    for module, tree in trees().items():
        known = {}
        for name, source, what in imports(module, tree):
            known[name] = ".".join(filter(None, (source, what)))
            found.add(known[name])
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.add(f"{known.get(node.value.id, '')}.{node.attr}")
        for statement in tree.body:
            mine = own_names(statement)
            found |= {
                f"{module}.{node.id}"
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and node.id not in mine
            }
    return found


def spelled() -> str:
    """What settings, checks, the Procfile and the wheel's commands name by their dotted path."""
    config = [SETTINGS.with_name(f"{name}.py") for name in ("settings", "urls", "logs")]
    files = (*config, ROOT / "Procfile")
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    scripts = [path.replace(":", ".") for path in known["scripts"].values()]
    return "\n".join([*(file.read_text("utf-8") for file in files), *scripts])


def test_each_public_name_is_used_by_the_product() -> None:
    names = {
        f"{module}.{name}"
        for module, tree in trees().items()
        for statement in tree.body
        for name in own_names(statement)
        if not name.startswith("__")
    }
    text = spelled()
    unused = {n for n in names - used() if not CUSTOM.fullmatch(n) and n not in text}
    assert unused == set(LATER)


def test_each_setting_is_read_by_the_product() -> None:
    tables = {**vars(Conf), **vars(ProjectConf)}
    settings = {name for name, one in tables.items() if isinstance(one, Setting)}
    read = {
        node.attr
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "conf"
    }
    by_name = set(re.findall(r"\bBUS_[A-Z_]+\b", SETTINGS.read_text("utf-8")))
    assert {one for one in settings - read if f"BUS_{one.upper()}" not in by_name} == set()


def test_each_error_is_raised_or_reserved() -> None:
    names = {
        name
        for name, one in vars(errors).items()
        if (name.startswith("CLOSE_") and isinstance(one, int))
        or (isinstance(one, type) and issubclass(one, Exception))
    }
    assert {name for name in names if f"bus.protocol.errors.{name}" not in used()} == set()


def test_what_is_reserved_on_the_wire_means_nothing_else() -> None:
    assert not errors.by_code().keys() & errors.RESERVED_CODES.keys()
    assert not errors.CLOSE_CODES.keys() & errors.RESERVED_CLOSE_CODES.keys()


def requirements() -> dict[str, str]:
    """The distributions that Bus and config/ run on, each with the remark above its line."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [known["dependencies"], *known["optional-dependencies"].values()]
    names = [line for each in lists for line in each]
    names += (ROOT / "requirements" / "base.in").read_text("utf-8").splitlines()
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    return {
        name: "".join(re.findall(rf'^ *# (.+)\n(?:\w+ = \[)? *"{name}\b', text, re.M))
        for line in names
        if (name := re.split(r"[^A-Za-z0-9-]", line)[0])
    }


@pytest.mark.parametrize(("name", "why"), requirements().items())
def test_each_requirement_is_imported_or_says_why_it_is_there(name: str, why: str) -> None:
    module = MODULES.get(name, name)
    imported = {
        source.partition(".")[0]
        for of, tree in trees().items()
        if not of.startswith("tools.")
        for _, source, _ in imports(of, tree)
    }
    installed = re.search(rf'^    "{module}[".]', SETTINGS.read_text("utf-8"), re.M)
    assert module in imported or installed or why
