"""Does what a page of the docs says, block by block, in somebody's project."""

from __future__ import annotations

import ast
import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.wait import until

# On a busy machine, with migrations.
_COLD_START_SECONDS = 90.0
# Commands that end when they are told to.
SERVING = {"up", "runserver", "runworker"}
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
# "# chat/consumers.py, at the end of ChatConsumer.receive": where a block goes.
_PLACE = re.compile(r"# ([\w/.]+\.\w+)(?:, (at the end|in place of)(?: of)?(?: (.+))?)?\n")


class Block(NamedTuple):
    """A block of code in a page."""

    language: str
    text: str


def blocks(page: Path, heading: str) -> list[Block]:
    """The blocks under a heading, down to the next of its level."""
    text = page.read_text("utf-8")
    level = heading.partition(" ")[0]
    below = re.split(rf"^{re.escape(heading)}$", text, maxsplit=1, flags=re.M)
    assert len(below) == 2, f"{page} has no heading {heading!r}"
    section = re.split(rf"^{level} ", below[1], maxsplit=1, flags=re.M)[0]
    return [Block(*found) for found in _BLOCK.findall(section)]


class Project:
    """A project in a directory, in which a reader writes files and runs commands."""

    def __init__(
        self,
        directory: Path,
        python: str,
        environment: dict[str, str],
        install: Callable[[str], None] | None = None,
    ) -> None:
        """`environment` has what the page exports; `install` gets what `pip install` asks for.

        Without it all is installed that the page needs.
        """
        self.directory = directory
        self.log = directory.with_name(f"{directory.name}.log")
        self.log.touch()
        self.python = python
        self.port = int(environment["PORT"])
        self._environment = environment
        self._install = install
        self._processes: list[subprocess.Popen[bytes]] = []

    def text(self) -> str:
        """What its processes have said."""
        return self.log.read_text("utf-8", "replace")

    def follow(self, page: list[Block]) -> None:
        """Write each block of Python where it says, and run each line of the others."""
        for block in page:
            if block.language == "python":
                self.write(block.text)
            else:
                for line in block.text.splitlines():
                    self.enter(line)

    def write(self, text: str) -> None:
        """Put a block into the file that its first line names."""
        place = _PLACE.match(text)
        assert place, f"this says no file: {text}"
        name, how, where = place.groups()
        path, text = self.directory / name, text[place.end() :]
        if how is None:
            path.write_text(text, "utf-8")
            return
        before = path.read_text("utf-8")
        if how == "in place of":
            assert before.count(f"\n{where}\n") == 1, f"{name} has no line {where}"
            path.write_text(before.replace(f"{where}\n", text), "utf-8")
            return
        lines = before.splitlines(keepends=True)
        end = _end_of(before, where) if where else len(lines)
        path.write_text("".join([*lines[:end], *text.splitlines(keepends=True), *lines[end:]]))

    def enter(self, line: str) -> None:
        """Run a line of a shell as its reader would; what serves goes on until it is stopped."""
        program, *arguments = shlex.split(line)
        if program == "export":
            # Where servers are is the test's matter.
            assert arguments[0].partition("=")[0] in self._environment, line
            return
        if program == "pip":
            assert arguments[0] == "install", line
            if self._install is not None:
                self._install(*arguments[1:])
            return
        assert program == "python", line
        if arguments[1] not in SERVING:
            self.run(*arguments)
        elif arguments[1] == "runserver":
            self.start(*arguments, "--noreload", f"127.0.0.1:{self.port}")
        else:
            self.start(*arguments)

    def run(self, *arguments: str) -> str:
        """Run Python to its end; what it prints."""
        command = [self.python, *arguments]
        done = subprocess.run(
            command, cwd=self.directory, env=self._environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def issues(self) -> list[str]:
        """The ids of all that `manage.py check` finds."""
        found = "from django.core.checks import run_checks; print(*[m.id for m in run_checks()])"
        return self.run("manage.py", "shell", "-v0", "-c", found).split()

    def start(self, *arguments: str) -> None:
        """Start Python."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [self.python, *arguments],
                cwd=self.directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)

    def wait_for(self, fact: Callable[[], bool], what: str) -> None:
        """Wait for what its processes make true; where they do not, their log says why."""
        try:
            until(fact, what, _COLD_START_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def stop(self) -> None:
        """Stop all that runs, as Ctrl-C does."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in self._processes:
            process.wait(30)
        self._processes.clear()


def _end_of(source: str, where: str) -> int:
    """The last line, from 1, of a method, `Class.method`."""
    names = where.split(".")
    nodes: Iterator[ast.AST] = iter(ast.parse(source).body)
    for name in names:
        node = next(node for node in nodes if getattr(node, "name", "") == name)
        nodes = ast.iter_child_nodes(node)
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    assert node.end_lineno is not None
    return node.end_lineno
