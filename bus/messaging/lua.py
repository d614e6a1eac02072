"""Where the Lua scripts are that chat runs in the broker."""

from __future__ import annotations

from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
