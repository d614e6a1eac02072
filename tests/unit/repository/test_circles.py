"""No module imports, in however many steps, what imports it; not even for types alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest


def test_there_is_no_circle_of_imports() -> None:
    graph = grimp.build_graph("bus", "config", cache_dir=None)
    assert len(graph.modules) > 300
    found = list(circles(graph))
    assert found == [], "\n".join(told(graph, circle) for circle in found)


def test_a_circle_of_types_alone_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "round_trip"
    package.mkdir()
    for file, text in {
        "__init__": "",
        "one": "from round_trip import two",
        "two": "from round_trip import last, three",
        "three": "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from round_trip import one",
        "last": "",
    }.items():
        (package / f"{file}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    graph = grimp.build_graph("round_trip", cache_dir=None)
    (circle,) = circles(graph)
    assert circle == {"round_trip.one", "round_trip.two", "round_trip.three"}
    assert told(graph, circle).count("→") == 3


def circles(graph: grimp.ImportGraph) -> Iterator[set[str]]:
    """Sets of modules each of which is reached from each other one."""
    seen: set[str] = set()
    for module in sorted(graph.modules):
        if module in seen or not graph.find_modules_directly_imported_by(module):
            continue
        mine = graph.find_upstream_modules(module) & graph.find_downstream_modules(module)
        if mine - {module}:
            seen |= mine | {module}
            yield mine | {module}


def told(graph: grimp.ImportGraph, circle: set[str]) -> str:
    """The shortest way around, from the first of them."""
    first = min(circle)
    ways = [
        (first, *way)
        for after in graph.find_modules_directly_imported_by(first) & circle
        if (way := graph.find_shortest_chain(after, first)) is not None
    ]
    return " → ".join(min(ways, key=len))
