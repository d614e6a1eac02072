"""What a file says that it relies on in others' packages, and what of that no longer holds."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
_PACKAGE = re.compile(r"(\w+) (\d[\w.]*\w)")
_TARGET = re.compile(r"^ {4}([\w.]+):(.*(?:\n {8}.*)*)", re.M)
_NAME = re.compile(r"`([^`]+)`|(\w+)")


@dataclass(frozen=True)
class Knowledge:
    """A file that knows private parts of others: versions by package, and names by object."""

    file: str
    versions: dict[str, list[str]]
    names: dict[str, list[str]]

    def unread(self) -> Iterator[str]:
        """Which releases run that were not the ones read, in words."""
        for package, read in self.versions.items():
            found = importlib.metadata.version(package)
            if found not in read:
                yield f"{package} is {found}, and {', '.join(read)} was read; {self._again()}"

    def faults(self) -> Iterator[str]:
        """What holds no longer, in words."""
        for path, names in self.names.items():
            try:
                there = resolved(path)
            except (ImportError, AttributeError):
                yield f"{self._releases()}: {path} is gone; {self._again()}"
                continue
            for name in names:
                if not has(there, name):
                    yield f"{self._releases()}: {path} has no {name} any more; {self._again()}"

    def _releases(self) -> str:
        return ", ".join(
            f"{package} {importlib.metadata.version(package)}" for package in self.versions
        )

    def _again(self) -> str:
        return f"read it again, then mend {self.file}"


def knowledge_in(directory: str) -> list[Knowledge]:
    """What the files below a directory of the repository say, each in its docstring."""
    return [
        known
        for path in sorted((ROOT / directory).rglob("*.py"))
        if (known := knowledge_of(path)) is not None
    ]


def knowledge_of(path: Path) -> Knowledge | None:
    """What a file says in the `Read:` and `Relies on:` of its docstring, if it has them."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8")), clean=False) or ""
    read = re.search(r"^Read: (.*?)^Relies on:\n(.*)", text, re.M | re.S)
    if read is None:
        assert "Read:" not in text, f"{path}: it says what was read, and not what it relies on"
        return None
    names = {
        target: [quoted or plain for quoted, plain in _NAME.findall(rest)]
        for target, rest in _TARGET.findall(read[2])
    }
    versions: dict[str, list[str]] = {}
    for package, version in _PACKAGE.findall(read[1]):
        versions.setdefault(package, []).append(version)
    return Knowledge(str(path.relative_to(ROOT)), versions, names)


def resolved(path: str) -> Any:
    """A module, or what lies in one: `package.module.Class.method`."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise ImportError(path)


def has(there: Any, name: str) -> bool:
    """Whether an object has an attribute, sets one of itself, or has these words in its source."""
    if hasattr(there, name):
        return True
    if isinstance(there, ModuleType):
        return False
    sources = [there]
    if not inspect.isroutine(there):
        kind = there if isinstance(there, type) else type(there)
        sources = [base for base in kind.__mro__ if base.__module__ != "builtins"]
    is_set = rf"\bself\.{name}(: [^=\n]+)? = "
    words = is_set if name.isidentifier() else re.escape(name)
    return any(re.search(words, inspect.getsource(source)) for source in sources)
