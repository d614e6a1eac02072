"""The command `django-bus`: makes a Django project with Bus in it, where there is none yet."""

from __future__ import annotations

import argparse
import keyword
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from bus import __version__

TEMPLATE = Path(__file__).with_name("project_template")
# What `manage.py up` needs, beside Bus.
SERVERS = ("honcho", "uvicorn", "uvloop", "httptools")


class StartError(Exception):
    """No project was made; the text says why, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `django-bus`; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        start(options.name)
    except StartError as error:
        print(f"error: {error} Nothing was made.", file=sys.stderr)
        return 1
    print(f"Made {options.name}/. Now:\n\n    cd {options.name}")
    if not all(map(find_spec, SERVERS)):
        print("    python -m pip install 'django-bus[embedded,server]'")
    print("    python manage.py up\n")
    return 0


def start(name: str) -> None:
    """Make the project `name` in a directory of that name, in the working directory.

    Raises StartError.
    """
    _check_name(name)
    directory = Path.cwd() / name
    if directory.exists() or directory.is_symlink():
        raise StartError(f"{directory} exists already. Take another name, or remove it.")
    if name in sys.builtin_module_names or find_spec(name) is not None:
        raise StartError(
            f"{name!r} is the name of a module that is installed here, and would hide it. Take "
            "another name."
        )
    from django.core.management import CommandError, call_command

    try:
        call_command("startproject", name, template=str(TEMPLATE))
        # Under its own name it would count in the repository of the template.
        (directory / "gitignore").rename(directory / ".gitignore")
    except (CommandError, OSError) as error:
        shutil.rmtree(directory, ignore_errors=True)
        raise StartError(f"{error}.") from error


def _check_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise StartError(
            f"{name!r} is no name for a Python package: letters, digits and underscores, none of "
            "them a digit at the start, and no word of Python's own, as in my_site."
        )
    if name == "bus":
        raise StartError("`bus` is what Bus itself is imported as. Take another name.")


class _Parser(argparse.ArgumentParser):
    """Says where everything is that this command does not do."""

    def error(self, message: str) -> NoReturn:
        super().error(f"{message}\n{self.epilog}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="django-bus",
        description="Makes a Django project with Bus in it.",
        epilog="All else is `python manage.py bus …`, in a project.",
    )
    parser.add_argument("--version", action="version", version=f"django-bus {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="start", parser_class=argparse.ArgumentParser
    )
    starting = commands.add_parser("start", help="make a project in a directory of its name")
    starting.add_argument("name", help="the project's name, such as mysite")
    return parser
