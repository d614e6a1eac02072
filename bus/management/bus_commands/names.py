"""`bus names`: people and rooms whose names look alike."""

from __future__ import annotations

from typing import Any

from bus.chat import name_collisions
from bus.management.output import printable, table
from bus.management.subcommand import Subcommand


class NamesCommand(Subcommand):
    """Lists the names that would be refused today; both of two that collide stay as they are."""

    name = "names"
    help = "list the people and rooms whose names look like those of others"

    def handle(self, _options: dict[str, Any]) -> None:
        """One line for each, beside the older one that it looks like."""
        found = list(name_collisions.find())
        if not found:
            self.stdout.write("No two people have names that look alike, and no two rooms.")
            return
        rows = [(each.kind, printable(each.name), printable(each.other)) for each in found]
        self.stdout.write(table(("kind", "name", "looks like"), rows, left=3))
