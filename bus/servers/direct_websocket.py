"""A WebSocket of uvicorn's, with nothing between its transport and the application.

It stands in for uvicorn's protocol, and for websockets' under that: a usual handshake is answered
from the head that the HTTP protocol has read, and frames go from one loop over their bytes to who
waits for them. What it says, to the peer, to the application and to the log, is what they say.

Read: uvicorn 0.54.0 (websockets_sansio_impl.py, server.py, protocols/utils.py).
Relies on:
    uvicorn.config.Config: loaded_app, ws_max_size
    uvicorn.server.ServerState: connections, tasks, default_headers
    uvicorn.server.Server.shutdown: `connection.shutdown()`
    uvicorn.protocols.utils: ClientDisconnected, get_client_addr, get_path_with_query_string
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from bus.conf import conf
from bus.conf.extras import brought_by
from bus.servers.open_websocket import Message, OpenWebSocket
from bus.servers.websocket_frames import binary_frame, text_frame
from bus.servers.websocket_handshake import Handshake, acceptance, http_response, rejection
from bus.servers.websocket_keepalive import Keepalive
from bus.servers.websocket_parser import NO_CODE, FrameParser

with brought_by("server"):
    from uvicorn.config import Config
    from uvicorn.protocols.utils import (
        ClientDisconnected,
        get_client_addr,
        get_path_with_query_string,
    )
    from uvicorn.server import ServerState, logger

_ABNORMAL = 1006


class DirectWebSocket(OpenWebSocket):
    """One WebSocket, from the head of its handshake on."""

    __slots__ = ("_handshake", "_lost", "_refusal", "_state", "scope")

    def __init__(
        self,
        transport: Any,
        config: Config,
        state: ServerState,
        scope: Message,
        handshake: Handshake,
        keepalive: Keepalive | None,
    ) -> None:
        """Asks the application at once; `scope` is what it is given."""
        parser = FrameParser(config.ws_max_size, conf.frame_limit)
        super().__init__(transport, parser, keepalive)
        self._state = state
        self._handshake = handshake
        self.scope = scope
        self._lost = False
        # Status, headers and body of an HTTP response in place of a socket.
        self._refusal: tuple[int, list[tuple[bytes, bytes]], bytes] | None = None
        state.connections.add(self)  # type: ignore[arg-type]
        self.received.put_nowait({"type": "websocket.connect"})
        task = asyncio.get_running_loop().create_task(self._run(config.loaded_app))
        task.add_done_callback(state.tasks.discard)
        state.tasks.add(task)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self.disconnect(NO_CODE if self.accepted else _ABNORMAL)
        self._state.connections.discard(self)
        self.accepted = self._lost = True
        self.lose()
        if exc is None:
            self.transport.close()

    def shutdown(self) -> None:
        """The server ends."""
        if self.accepted:
            self.hang_up()
        else:
            self._reject(500, "Internal Server Error")
            self.transport.close()

    def release_handshake(self) -> None:
        """Let go of what the client sent with its handshake; all copies of the scope share it."""
        self.scope["headers"].clear()

    async def send(self, message: Message) -> None:
        """ASGI's; waits while the peer does not read."""
        await self.drained()
        if self._lost:
            raise ClientDisconnected
        kind = message["type"]
        if self._refusal is not None:
            self._refuse_with(kind, message)
        elif not self.accepted:
            self._answer(kind, message)
        elif self.close_sent:
            raise RuntimeError(
                f"Unexpected ASGI message '{kind}', after sending 'websocket.close'."
            )
        elif self.ended:
            raise ClientDisconnected
        elif kind == "websocket.send":
            payload, text = message.get("bytes"), message.get("text")
            if payload is not None:
                self.transport.write(binary_frame(payload))
            elif text is not None:
                self.transport.write(text_frame(text.encode()))
        elif kind == "websocket.close":
            self.close(message.get("code", 1000), message.get("reason", "") or "")
        else:
            raise RuntimeError(
                f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{kind}'."
            )

    async def _run(self, application: Callable[..., Any]) -> None:
        try:
            result = await application(self.scope, self.received.get, self.send)
        except ClientDisconnected:
            pass
        except BaseException:
            logger.exception("Exception in ASGI application\n")
            self._reject(500, "Internal Server Error")
        else:
            if not self.accepted and not self.close_sent:
                logger.error("ASGI callable returned without completing handshake.")
                self._reject(500, "Internal Server Error")
            elif result is not None:
                logger.error("ASGI callable should return None, but returned '%s'.", result)
        if not self.waits_for_goodbye:
            self.transport.close()

    def _answer(self, kind: str, message: Message) -> None:
        """Answer the handshake: open the socket, or refuse it."""
        if kind == "websocket.accept":
            self._accept(message.get("headers", ()), message.get("subprotocol"))
        elif kind == "websocket.close":
            self.disconnect(_ABNORMAL)
            self._log('%s - "WebSocket %s" 403')
            self._reject(403, "")
            self.close_sent = True
            self.transport.close()
        elif kind == "websocket.http.response.start":
            status = message["status"]
            if not 100 <= status < 600:
                raise RuntimeError(f"Invalid HTTP status code '{status}' in response.")
            self._log('%s - "WebSocket %s" %d', status)
            self._refusal = (status, list(message.get("headers", ())), b"")
        else:
            raise RuntimeError(
                "Expected ASGI message 'websocket.accept', 'websocket.close' "
                f"or 'websocket.http.response.start' but got '{kind}'."
            )

    def _accept(self, headers: Any, subprotocol: str | None) -> None:
        self._log('%s - "WebSocket %s" [accepted]')
        given = [*self._state.default_headers, *headers]
        answer = acceptance(self._handshake.key, given, subprotocol)
        if not self.transport.is_closing():
            self.transport.write(answer)
            logger.info("connection open")
            self.open()

    def _refuse_with(self, kind: str, message: Message) -> None:
        """Take a piece of an HTTP response, and send it once it is whole."""
        if kind != "websocket.http.response.body":
            raise RuntimeError(
                f"Expected ASGI message 'websocket.http.response.body' but got '{kind}'."
            )
        assert self._refusal is not None
        status, headers, body = self._refusal
        self._refusal = (status, headers, body + message["body"])
        if not message.get("more_body", False):
            self.disconnect(_ABNORMAL)
            self.transport.write(http_response(*self._refusal))
            self.close_sent = True
            self.transport.close()

    def _reject(self, status: int, text: str) -> None:
        """Refuse the handshake, unless it is answered."""
        if self._refusal is None and not self.accepted:
            self.accepted = True
            self.transport.write(rejection(status, text))
            logger.info("connection rejected (%d %s)", status, HTTPStatus(status).phrase)

    def _log(self, line: str, *values: object) -> None:
        # Hardly any server logs it, and finding the words is no small part of a handshake.
        if logger.isEnabledFor(logging.INFO):
            scope: Any = self.scope
            logger.info(line, get_client_addr(scope), get_path_with_query_string(scope), *values)
