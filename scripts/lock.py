"""Pins requirements/*.in into *.txt with hashes: base first, the others on top with its pins.

What Bus itself needs is said once, in pyproject.toml; base and dev have it with all its extras.
"""

import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
OPTIONS = [
    *("--universal", "--python-version", "3.11", "--generate-hashes"),
    # Addresses and comments about them belong to the machine, not to the pins.
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet"),
]
BUS = ["../pyproject.toml", "--all-extras"]
ON_TOP = ["--constraints", "base.txt"]
KINDS = {"base": BUS, "dev": [*BUS, *ON_TOP], "peers": ON_TOP}


def main() -> int:
    """Resolve all files; UPGRADE=1 takes newer versions, otherwise pins stay where they can."""
    uv = Path(sys.executable).parent / "uv"
    upgrade = ["--upgrade"] if os.environ.get("UPGRADE") else []
    for kind, more in KINDS.items():
        files = [f"{kind}.in", *more, "--output-file", f"{kind}.txt"]
        command = [str(uv), "pip", "compile", *OPTIONS, *upgrade, *files]
        if subprocess.call(command, cwd=REQUIREMENTS, stdout=subprocess.DEVNULL):
            print(f"error: requirements/{kind}.in has no solution (see above); {kind}.txt is kept.")
            return 1
        print(f"Locked requirements/{kind}.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
