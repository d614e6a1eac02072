"""ARCHITECTURE.md walks through the house: each hop is there, and leads to the next by its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUS = ROOT / "bus"
PAGE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
# The most hops of a walk that fits on a page.
MOST_HOPS = 12
# How many calls within a hop's own package may lie between it and the next one.
DEPTH = 6


@dataclass(frozen=True)
class Hop:
    """One row of a walk: a function of a file; nothing of it where a process ends."""

    path: Path
    name: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(BUS)} {self.name}"

    @property
    def leaf(self) -> str:
        """What a caller writes: the method, or the class where an object is called."""
        *owner, leaf = self.name.split(".")
        return owner[-1] if leaf in ("__call__", "__init__") else leaf

    @property
    def package(self) -> Path:
        """The package of the house that it is in."""
        return BUS / self.path.relative_to(BUS).parts[0]


def walks() -> dict[str, list[list[Hop]]]:
    """Each walk of the page: its stretches, as a process border ends one."""
    section = PAGE.split("\n## Walks\n")[1].split("\n## ")[0]
    found = {}
    for part in section.split("\n### ")[1:]:
        title, _, text = part.partition("\n")
        stretches: list[list[Hop]] = [[]]
        for number, where in re.findall(r"^\| *(\S+) *\| *(.+?) *\|", text, re.M):
            if number.isdigit():
                file, name = re.fullmatch(r"`(\S+)` `(\S+)`", where).groups()
                stretches[-1].append(Hop(BUS / file, name))
            elif number == "⇣":
                stretches.append([])
        found[title] = [stretch for stretch in stretches if stretch]
    return found


def hops(title: str) -> list[Hop]:
    """All functions of a walk."""
    return [hop for stretch in walks()[title] for hop in stretch]


@cache
def parsed(path: Path) -> ast.Module:
    """A module's tree."""
    return ast.parse(path.read_text("utf-8"))


def definition(hop: Hop) -> ast.AST:
    """The function, method or class of a hop."""
    node: ast.AST = parsed(hop.path)
    for part in hop.name.split("."):
        node = next(one for one in ast.iter_child_nodes(node) if getattr(one, "name", "") == part)
    return node


def names_in(node: ast.AST) -> set[str]:
    """Every name and attribute that is read there."""
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    names |= {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)} & SCRIPTS
    return names | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


SCRIPTS = {path.stem for path in BUS.rglob("*.lua")}


@cache
def defined(package: Path) -> dict[str, list[tuple[Path, ast.AST]]]:
    """What a package defines by its names: functions, methods, classes, and tables."""
    found: dict[str, list[tuple[Path, ast.AST]]] = {}
    for path in [package] if package.is_file() else sorted(package.rglob("*.py")):
        for node in ast.walk(parsed(path)):
            for name in own_names(node):
                found.setdefault(name, []).append((path, node))
    return found


def own_names(node: ast.AST) -> Iterator[str]:
    """The names that a definition or an assignment gives."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (one.id for one in targets if isinstance(one, ast.Name))


@cache
def imports(path: Path, target: Hop, *, exactly: bool = False) -> bool:
    """Whether a module imports another hop's module, or, if not `exactly`, one of its package."""
    module = ".".join(target.path.relative_to(ROOT).with_suffix("").parts)
    module = module.removesuffix(".__init__")
    package = ".".join(target.package.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            named = {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
            near = package in named or node.module.startswith(f"{package}.")
            if module in named or (near and not exactly):
                return True
    return False


def leads_to(hop: Hop, following: Hop) -> bool:
    """Whether a hop comes to the next one by calls within its own package."""
    package = hop.package
    nodes = [(hop.path, definition(hop))]
    seen = set(nodes)
    for _ in range(DEPTH):
        further = []
        for path, node in nodes:
            names = names_in(node)
            if following.leaf in names and (
                following.package == package or imports(path, following)
            ):
                return True
            further += [
                (at, one)
                for name in names
                for at, one in defined(package).get(name, ())
                if (at, one) not in seen
                and (at == path or imports(path, Hop(at, name), exactly=True))
            ]
        seen.update(further)
        nodes = further
    return False


@pytest.mark.parametrize("title", walks())
def test_a_walk_fits_on_a_page(title: str) -> None:
    assert 2 <= len(hops(title)) <= MOST_HOPS
    assert len(set(hops(title))) == len(hops(title))


@pytest.mark.parametrize("hop", [h for title in walks() for h in hops(title)], ids=str)
def test_each_hop_is_there(hop: Hop) -> None:
    if hop.path.suffix == ".py":
        assert definition(hop)
    else:
        assert re.search(rf"\b{re.escape(hop.leaf)}\b", hop.path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("hop", "following"),
    [
        pair
        for stretches in walks().values()
        for stretch in stretches
        for pair in pairwise(stretch)
        if pair[0].path.suffix == ".py"
    ],
    ids=str,
)
def test_each_hop_leads_to_the_next(hop: Hop, following: Hop) -> None:
    assert leads_to(hop, following)


def test_a_hop_that_is_none_is_found_out() -> None:
    settle = Hop(BUS / "posting" / "settle.py", "settle")
    judge = Hop(BUS / "moderation" / "engine.py", "judge_many")
    assert not leads_to(settle, judge)
    with pytest.raises(StopIteration):
        definition(Hop(settle.path, "no_such_function"))


def test_the_walks_are_those_that_a_newcomer_asks_for() -> None:
    assert len(walks()) >= 5
