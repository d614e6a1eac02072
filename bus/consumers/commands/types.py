"""What a table of commands is: each command's class, and the coroutine that does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from bus.protocol.commands import Command

# What a reply tells; bytes are JSON already.
Data = dict[str, Any] | BaseModel | bytes
# Each takes the session, and the command.
Methods = dict[type[Command], Callable[[Any, Any], Awaitable[Data]]]
