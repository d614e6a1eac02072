"""Write what is made from the code: the tables of docs/, and what the clients know of the protocol.

`make docs` runs it; a test says which file is stale.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scripts import clients, docs

ROOT = Path(__file__).resolve().parent.parent
# Each file, and what makes of its text what it should be.
FILES: dict[str, Callable[[str], str]] = {
    "docs/protocol.md": docs.render,
    "docs/http.md": docs.render,
    "docs/settings.md": docs.render,
    "bus/client/constants.py": clients.constants,
    "bus/static/bus/client.js": clients.render,
    "bus/static/bus/client.d.ts": clients.render,
    "bus/static/bus/room/reasons.js": clients.render,
}


def main() -> None:
    """Write every file anew that is not as it should be."""
    for name, render in FILES.items():
        path = ROOT / name
        text = path.read_text("utf-8")
        if (new := render(text)) != text:
            path.write_text(new, "utf-8")


if __name__ == "__main__":
    main()
