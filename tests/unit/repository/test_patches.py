"""No test patches what is private, nor a time or a limit of a module: those are arguments."""

from __future__ import annotations

import ast

import pytest

from tests.unit.repository.test_tests import called, trees

# Private names that are patched, by file and name, each with its why.
PATCHED = {
    "integration/broker/test_clock.py::_answer": "a clock that was not heard of for a minute",
    "integration/broker/test_clock.py::_asked": "a clock that was not heard of for a minute",
    "integration/browser/test_connection.py::_join": "an answer of the tests' own server",
    "integration/consumers/test_session.py::_user_of": "a database that is away for one question",
}


def private(name: object) -> bool:
    """Whether a name, or the last one of a dotted path, is private."""
    last = name.rpartition(".")[2] if isinstance(name, str) else ""
    return last.startswith("_") and not last.startswith("__")


def numbers(tree: ast.Module) -> list[str]:
    """The constants of other modules for which a module sets another number."""
    return [
        str(name.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) == "setattr" and len(node.args) > 1
        for name, value in [(node.args[-2], node.args[-1])]
        if isinstance(name, ast.Constant) and str(name.value).rpartition(".")[2].isupper()
        if isinstance(value, ast.Constant) and isinstance(value.value, int | float)
    ]


def patches(tree: ast.Module) -> list[str]:
    """The private names that a module sets elsewhere: by `setattr` or by an assignment."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "setattr":
            found += [
                argument.value
                for argument in node.args[:2]
                if isinstance(argument, ast.Constant) and private(argument.value)
            ]
        elif isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [
                target.attr
                for target in targets
                if isinstance(target, ast.Attribute)
                and private(target.attr)
                and not (isinstance(target.value, ast.Name) and target.value.id == "self")
            ]
    return [name.rpartition(".")[2] for name in found]


def test_no_test_patches_a_time_or_a_limit_of_a_module() -> None:
    found = {f"{path}::{name}" for path, tree in trees().items() for name in numbers(tree)}
    assert found == set(), "make it an argument, a setting, or an attribute of its class"


def test_no_test_patches_what_is_private() -> None:
    found = {f"{path}::{name}" for path, tree in trees().items() for name in patches(tree)}
    assert found == set(PATCHED)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('monkeypatch.setattr(module, "ANSWER", 0.1)', ["ANSWER"]),
        ('monkeypatch.setattr("bus.a.module.MOST_OF", 1)', ["bus.a.module.MOST_OF"]),
        ('monkeypatch.setattr(Store, "ttl", 1)', []),
        ('monkeypatch.setattr(module, "LISTS", path)', []),
    ],
)
def test_a_patched_number_is_found(source: str, names: list[str]) -> None:
    assert numbers(ast.parse(source)) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('monkeypatch.setattr(module, "_STEP", 1)', ["_STEP"]),
        ('monkeypatch.setattr("bus.a.module._STEP", 1)', ["_STEP"]),
        ("module._STEP = 1", ["_STEP"]),
        ("module._STEP += 1", ["_STEP"]),
        ("self._step = 1", []),
        ('monkeypatch.setattr(module, "step", 1)', []),
        ('monkeypatch.setattr(module, "__file__", "x")', []),
    ],
)
def test_a_patch_of_what_is_private_is_found(source: str, names: list[str]) -> None:
    assert patches(ast.parse(source)) == names
