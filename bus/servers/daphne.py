"""What Bus relies on in Daphne, and in Twisted under it.

Daphne's `send` never waits and it knows no close code below 3000 but 1000: what it keeps for a peer
that stopped reading is measured at its transport, and 4408 stands for 1012. It tells of neither
beginning nor end of the process, so that its reactor's signal handlers are found by who owns them.

Read: daphne 4.2.3 (server.py, ws_protocol.py), Twisted 26.10.0 (internet/abstract.py, base.py).
Relies on:
    daphne.server.Server.create_application: `send=partial(self.handle_reply, protocol)`
    daphne.ws_protocol.WebSocketProtocol.serverClose: `self.sendClose(code=code)`
    twisted.internet.abstract.FileDescriptor: dataBuffer, _tempDataLen
    twisted.internet.base.ReactorBase: sigInt, sigTerm
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bus.protocol.errors import CLOSE_RESTART, CLOSE_TOO_SLOW


def backlog_of(send: Any) -> Callable[[], int] | None:
    """What the server keeps for a peer, in bytes, where its `send` does not wait for the peer."""
    if not is_daphne(send):
        return None
    try:
        transport = send.args[0].transport
        _ = len(transport.dataBuffer) + transport._tempDataLen
    except (AttributeError, IndexError, TypeError):
        return None

    def backlog() -> int:
        kept: int = len(transport.dataBuffer) + transport._tempDataLen
        return kept

    return backlog


def close_code(send: Any, code: int) -> int:
    """The code that the server can close with for one that means the same: come back."""
    return CLOSE_TOO_SLOW if code == CLOSE_RESTART and is_daphne(send) else code


def is_daphne(send: Any) -> bool:
    """Whether an ASGI `send` is Daphne's."""
    if not isinstance(send, partial):
        return False
    server = getattr(send.func, "__self__", None)
    return type(server).__module__ == "daphne.server"
