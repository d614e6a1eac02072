"""uvicorn's HTTP protocol, with bounds on what comes before the application is asked.

httptools has none: it keeps a head of any size, for any time. The bodies of requests are bounded
where any server asks for them (bus/http/body_limit.py).

Read: uvicorn 0.54.0 (httptools_impl.py), httptools 0.9.0 (parser.pyx).
Relies on:
    uvicorn.protocols.http.httptools_impl.HttpToolsProtocol:
        parser, cycle, pipeline, url, client, transport, server_state,
        data_received, handle_websocket_upgrade, timeout_keep_alive_handler, on_response_complete,
        _should_upgrade, _unset_keepalive_if_required
    uvicorn.protocols.http.httptools_impl.RequestResponseCycle:
        disconnected, message_event, response_started
    httptools.HttpRequestParser: feed_data, should_upgrade
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from bus.conf import conf
from bus.conf.extras import brought_by
from bus.servers import uvicorn_upgrade
from bus.servers.http_connections import HttpConnections
from bus.servers.refusal import refusal

with brought_by("server"):
    import httptools
    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
    from uvicorn.server import ServerState

logger = logging.getLogger(__name__)

# The longest address, and the longest line of a head, in bytes: as nginx has them, and no more
# than websockets reads.
_URL_LIMIT = 8000
_LINE_LIMIT = 8190
_HEADER_COUNT = 100
# Requests that may wait for the one before them on their connection.
_PIPELINE_LIMIT = 32
# How long the first piece of a request may take before a connection counts as one that asks for
# nothing, in seconds.
_ARRIVAL_SECONDS = 1.0
# What is read, and thrown away, of a peer that was refused, so that it reads why.
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 1_048_576

connections = HttpConnections()


class _Excess(Exception):
    """Ends the parsing of a head that crossed a bound."""


class BoundedHttp(HttpToolsProtocol):
    """One HTTP connection: heads are bounded in size and in time, and so is what waits."""

    # How long a peer may read nothing of its response before it is cut off.
    stall_seconds = 30.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # From the end of a request to the end of the next one's head.
        self._in_head = True
        # What the parser was fed since it last told us something: it keeps at most that.
        self._fed = 0
        self._head_size = self._header_count = 0
        # The status of a refusal that a callback of the parser asks for.
        self._excess = 400
        self._refused, self._lingered = False, 0
        # Requests without their whole answer, oldest first; uvicorn tells the newest alone that the
        # peer is gone, and the others write on, which uvloop takes for an error.
        self._unanswered: deque[RequestResponseCycle] = deque()
        self._arrival: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def drop(self) -> None:
        """Make room for somebody else."""
        self.transport.abort()

    # ── The connection ───────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A request is expected soon."""
        super().connection_made(transport)
        connections.arrive(self)
        self._arrival = self.loop.call_later(_ARRIVAL_SECONDS, self._enter)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._forget()
        self._disconnect_requests()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """It is no HTTP any more."""
        self._forget()
        if not uvicorn_upgrade.hand_over(self):
            super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # it knows us: a circle

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless the peer was refused."""
        if self._arrival is not None:
            self._enter()
        if self._refused:
            self._throw_away(data)
            return
        self._unset_keepalive_if_required()
        if self._in_head:
            self._expect_head()
        self._fed += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
                return
        except httptools.HttpParserError:
            self._refuse(self._excess)
            return
        if self._fed > conf.head_limit:
            self._refuse(431)

    def pause_writing(self) -> None:
        """The peer does not read its response."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read on."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def timeout_keep_alive_handler(self) -> None:
        """It asks for nothing more."""
        super().timeout_keep_alive_handler()
        self._hang_up()

    # ── What the parser tells ────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head_size = self._header_count = 0
        self._expect_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the address."""
        if len(self.url) + len(url) > _URL_LIMIT:
            self._stop(414)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer after a body in chunks."""
        size = len(name) + len(value) + 4
        self._head_size += size
        self._header_count += 1
        if (
            size > _LINE_LIMIT
            or self._head_size > conf.head_limit
            or self._header_count > _HEADER_COUNT
        ):
            self._stop(431)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        self._fed = 0
        self._expect_nothing()
        if not self.url.isascii():
            # Raises what the parser refuses; a path is refused below.
            self.url.decode()
            if self.parser.should_upgrade():
                self._stop(400)
        if len(self.pipeline) >= _PIPELINE_LIMIT:
            self._stop(503)
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self._unanswered.append(self.cycle)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._fed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._in_head = True
        self._fed = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The oldest request has its answer."""
        self._unanswered.popleft()
        super().on_response_complete()
        if self.transport.is_closing():
            self._hang_up()

    # ── Bounds ───────────────────────────────────────────────────────────────────────────────────

    def _enter(self) -> None:
        """Count it, now that it has had the time to ask for something."""
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None
        if not connections.enter(self, self.client[0] if self.client else ""):
            self._refuse(503)

    def _stop(self, status: int) -> None:
        self._excess = status
        raise _Excess

    def _expect_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(conf.request_timeout, self._give_up)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self._refused or self.transport.is_closing():
            return
        if not self.is_idle:
            # It waits for us.
            self._expect_head()
        elif self._fed:
            self._refuse(408)
        else:
            self.transport.close()

    def _refuse(self, status: int) -> None:
        """Answer with a status, and hear nothing more."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._expect_nothing()
        logger.warning("A request was refused by the server, before anything else: %d.", status)
        begun = any(cycle.response_started for cycle in self._unanswered)
        waiting = len(self._unanswered) > 1
        self._disconnect_requests()
        if begun or waiting:
            self.transport.abort()
            return
        self.transport.write(refusal(status, self.server_state.default_headers))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        # Closed at once, with something unread, the peer would see a reset and no answer.
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    def _hang_up(self) -> None:
        """Have an end to a transport that is closed: it waits for a peer that does not read the
        rest, for ever, and too little is left for `pause_writing`."""
        if self.transport.get_write_buffer_size() > 0:
            self.loop.call_later(self.stall_seconds, self.transport.abort)

    def _disconnect_requests(self) -> None:
        """The application hears of each request under way that its peer is gone."""
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()

    def _throw_away(self, data: bytes) -> None:
        self._lingered += len(data)
        if self._lingered > _LINGER_BYTES:
            self.transport.abort()

    def _forget(self) -> None:
        connections.leave(self)
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None
        self._expect_nothing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
