"""Each test asserts something, and waits for facts in the one way: it sleeps for no time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TESTS = ROOT / "tests"

# Sleeps that are not waits, by file and function, each with its why.
PACES = {
    "chaos/test_drain.py::stop_beside_silent_ones": "a flood is under way, of which nothing tells",
    "chaos/test_drops.py::lose": "the pace and the length of the drops",
    "chaos/test_kills.py::write": "the pace of writing",
    "chaos/test_kills.py::wreck": "the pace of kills",
    "chaos/test_rolling.py::test_web_and_workers_are_replaced_while_people_talk": "talk goes on",
    "chaos/test_slow.py::talk": "the pace of talk",
    "chaos/test_stops.py::test_a_broker_that_goes_away_is_waited_for": "the length of the outage",
    "chaos/test_stops.py::test_a_rolling_restart_loses_nothing": "the pace of talk",
    "e2e/test_networks.py"
    "::test_a_network_that_is_cut_again_and_again_for_two_seconds": "the pace of talk and drops",
    "hosts/tasks/host/wait.py::until": "the one way to wait, of a project of its own",
    "integration/browser/test_connection.py"
    "::test_signed_out_stays_away_and_leads_to_sign_in": "no second connection comes",
    "integration/browser/test_writing.py"
    "::test_enter_inside_a_hangul_syllable": "no second message comes",
    "integration/browser/test_writing.py"
    "::test_enter_that_picks_a_japanese_candidate_sends_nothing": "no message comes",
    "integration/broker/worker/test_stock_worker.py"
    "::test_a_worker_that_idled_for_8_seconds_gets_the_next_message": "redis-py's timeout passes",
    "integration/consumers/test_session.py"
    "::test_nothing_is_missed_or_repeated_by_those_who_come_and_go": "the pace of writing",
    "integration/messaging/test_throttle.py"
    "::test_what_is_taken_comes_back_bit_by_bit": "the wait that was told is enough",
    "integration/servers/test_bounds.py"
    "::test_a_body_that_comes_slowly_and_steadily_is_taken": "the pace of a slow peer",
    "unit/realtime/test_flush_scheduler.py"
    "::test_a_lone_message_waits_for_nothing_and_those_that_follow_for_the_window": "nothing comes",
    "unit/broker/test_redis_outages.py"
    "::test_a_process_that_stood_still_reads_what_has_come_before_it_leaves": "how long it stood",
}
# Loops that wait for nothing, but keep a processor busy.
SPINS = {"unit/realtime/test_flush_scheduler.py::test_a_slow_flush_is_followed_by_as_long_a_rest"}
# What fails a test by itself, beside `assert` and calls of helpers that have one.
READING = {"recv", "receive", "event"}  # methods that wait for the next of what comes
SLEEPING = {"sleep", "wait_for_timeout"}  # the latter is Playwright's
ASSERTING = {"raises", "fail", "warns", "expect", "AssertionError"}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def trees() -> dict[str, ast.Module]:
    """The modules under `tests/` by their paths from there."""
    return {
        path.relative_to(TESTS).as_posix(): ast.parse(path.read_text("utf-8"))
        for path in sorted(TESTS.rglob("*.py"))
    }


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, methods and inner ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, DEFINITIONS))


def called(call: ast.Call) -> str:
    """The last name of what is called: `raises` of `pytest.raises(…)`."""
    match call.func:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return ""


def imported(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """The helpers that a module imports, by their names there: where from, and what."""
    return {
        alias.asname or alias.name: (f"{node.module.replace('.', '/')}.py", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.")
        for alias in node.names
    }


def calls(path: str, tree: ast.Module, node: ast.AST) -> set[tuple[str, str]]:
    """What is called in a function: helpers by their module and name, methods by ".name"."""
    of_imports = imported(tree)
    found = set()
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            name = called(call)
            is_method = isinstance(call.func, ast.Attribute)
            found.add((".", name) if is_method else of_imports.get(name, (path, name)))
            # What is handed on, as to `sync_to_async`, is called there.
            handed = [one.id for one in call.args if isinstance(one, ast.Name)]
            found |= {of_imports.get(name, (path, name)) for name in handed}
    return found


def fails_by_itself(node: ast.AST) -> bool:
    """Whether it has an `assert`, raises an AssertionError, or calls what does."""
    return any(
        isinstance(inner, ast.Assert)
        or (isinstance(inner, ast.Call) and called(inner) in ASSERTING)
        for inner in ast.walk(node)
    )


def asserting_helpers(modules: dict[str, ast.Module]) -> set[tuple[str, str]]:
    """The helpers of tests that assert, through others too; methods by ".name"."""
    helpers: dict[tuple[str, str], list[tuple[str, ast.Module, ast.AST]]] = {}
    for path, tree in modules.items():
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        methods = {method for one in classes for method in one.body}
        for function in functions(tree):
            if not function.name.startswith("test_"):
                key = "." if function in methods else f"tests/{path}", function.name
                helpers.setdefault(key, []).append((f"tests/{path}", tree, function))
    wanted = {key: set().union(*(calls(*one) for one in found)) for key, found in helpers.items()}
    found = {
        key for key, ones in helpers.items() if any(fails_by_itself(node) for _, _, node in ones)
    }
    while more := {key for key, names in wanted.items() if key not in found and names & found}:
        found |= more
    return found


def without_assertion(path: str, tree: ast.Module, helpers: set[tuple[str, str]]) -> list[str]:
    """The tests of a module that cannot fail but by an error."""
    return [
        function.name
        for function in functions(tree)
        if function.name.startswith("test_")
        and not fails_by_itself(function)
        and not calls(f"tests/{path}", tree, function) & helpers
    ]


def scopes(node: ast.AST, name: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node with the name of the outermost function or class that it is in."""
    for child in ast.iter_child_nodes(node):
        inner = name or getattr(child, "name", "") if isinstance(child, ast.stmt) else name
        yield inner, child
        yield from scopes(child, inner)


def sleeps(tree: ast.Module) -> list[str]:
    """The functions of a module that sleep for a time; `sleep(0)` lets others go on and is none."""
    return [
        scope
        for scope, node in scopes(tree)
        if isinstance(node, ast.Call)
        and called(node) in SLEEPING
        and not (isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]


def spins(tree: ast.Module) -> list[str]:
    """The functions of a module that ask for a fact again and again in a loop of their own.

    One that reads the next of what comes waits for it.
    """
    return [
        scope
        for scope, node in scopes(tree)
        if isinstance(node, ast.While)
        and all(isinstance(statement, ast.Pass) for statement in node.body)
        and not any(
            isinstance(inner, ast.Call) and called(inner) in READING
            for inner in ast.walk(node.test)
        )
    ]


def test_every_test_asserts_something() -> None:
    helpers = asserting_helpers(trees())
    assert {
        f"{path}::{name}"
        for path, tree in trees().items()
        for name in without_assertion(path, tree, helpers)
    } == set()


def test_no_test_sleeps_for_a_time() -> None:
    found = {
        f"{path}::{name}"
        for path, tree in trees().items()
        if not path.startswith("support/")
        for name in sleeps(tree)
    }
    assert found == set(PACES)


def test_what_is_waited_for_is_waited_for_in_one_way() -> None:
    found = {f"{path}::{name}" for path, tree in trees().items() for name in spins(tree)}
    assert found == SPINS


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def test_a(): call()", ["test_a"]),
        ("async def test_a():\n    with open(x): pass", ["test_a"]),
        ("class TestIt:\n    def test_a(self): self.assertion()", ["test_a"]),
        ("def test_a(): assert call()", []),
        ("def test_a():\n    with pytest.raises(KeyError): call()", []),
        ("def test_a(page): expect(page).to_be_visible()", []),
        ("def test_a(): outer()\ndef outer(): inner()\ndef inner(): assert 1", []),
    ],
)
def test_a_test_without_an_assertion_is_found(source: str, names: list[str]) -> None:
    tree = ast.parse(source)
    assert without_assertion("test_x.py", tree, asserting_helpers({"test_x.py": tree})) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def test_a(): time.sleep(0.1)", ["test_a"]),
        ("async def test_a():\n    async def inner(): await sleep(x)", ["test_a"]),
        ("def test_a(page): page.wait_for_timeout(50)", ["test_a"]),
        ("async def test_a(): await asyncio.sleep(0)", []),
    ],
)
def test_a_sleep_is_found(source: str, names: list[str]) -> None:
    assert sleeps(ast.parse(source)) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("async def test_a():\n    while await fact(): pass", ["test_a"]),
        ("async def test_a():\n    while await socket.recv() != 1: pass", []),
        ("async def test_a():\n    while rest(): await step()", []),
    ],
)
def test_a_loop_that_spins_is_found(source: str, names: list[str]) -> None:
    assert spins(ast.parse(source)) == names
