"""bus.client can be used alone: without Django, its settings, or anything else of Bus."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import bus.client
ours = {name for name in sys.modules if name.startswith("bus.")}
ours = {name for name in ours if not name.startswith("bus.client")}
theirs = {"django", "channels", "redis", "pydantic"} & set(sys.modules)
assert not ours | theirs, ours | theirs
"""


def test_importing_it_loads_nothing_else() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
