"""A client of the session protocol that loses nothing, as static/bus/client.js does it.

It keeps each message until it is settled, sends one at a time in a room (so that none overtakes
another), and repeats what has no outcome, in order, after a reconnect or after a while.
"""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.support.room_view import ANSWER, Item, Lost, Refused, Sent, View

# Until a command counts as unanswered, and the longest waits before reconnects; in seconds.
PROBE = 5.0
_FIRST_DELAY = 0.25
_LAST_DELAY = 2.0


class Client:
    """One author: a connection that is made again, rooms, messages, and what went wrong."""

    def __init__(self, name: str, urls: Sequence[str], rooms: Sequence[str], seed: str) -> None:
        self.name = name
        self.rooms = {room: View(room) for room in rooms}
        self.sent: list[Sent] = []
        self.settled: dict[str, Item] = {}
        self.counts: Counter[str] = Counter()
        self.latencies: list[float] = []
        # Broken promises; empty in the end.
        self.faults: list[str] = []
        self.author: Any = None
        self._rng = random.Random(seed)
        self._urls = urls
        self._socket: ClientConnection | None = None
        self._token = ""
        self._refs = itertools.count(1)
        self._replies: dict[str, asyncio.Future[Item]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    # ── What a test asks for ─────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Connect, and stay connected."""
        self._tasks = [asyncio.create_task(self._stay())]
        self._tasks += [asyncio.create_task(self._pump(view)) for view in self.rooms.values()]

    async def close(self) -> None:
        """Hang up for good."""
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        self.faults += [repr(r) for r in results if isinstance(r, Exception)]
        self.faults += [fault for view in self.rooms.values() for fault in view.faults]

    def say(self, room: str, body: str) -> None:
        """Write; it is sent when it can be."""
        sent = Sent(f"{self.name}-{len(self.sent)}", body)
        self.sent.append(sent)
        self.rooms[room].queue.append(sent)
        self.rooms[room].bell.set()

    @property
    def ready(self) -> bool:
        """Whether it is in all of its rooms."""
        return all(view.joined for view in self.rooms.values())

    @property
    def unsettled(self) -> int:
        """How many messages wait for their outcome."""
        return sum(len(view.queue) for view in self.rooms.values())

    async def command(self, kind: str, wait: float = PROBE, **data: Any) -> Item:
        """Send a command; the data of its reply. Raises Refused and Lost."""
        ref = str(next(self._refs))
        reply = self._replies[ref] = asyncio.get_running_loop().create_future()
        try:
            if self._socket is None:
                raise Lost
            await self._socket.send(json.dumps({"ref": ref, "type": kind, "data": data}))
            async with asyncio.timeout(wait):
                answer = await reply
        except (WebSocketException, OSError, TimeoutError) as error:
            self.counts["unanswered"] += 1
            raise Lost from error
        finally:
            self._replies.pop(ref, None)
        if not answer["ok"]:
            raise Refused(answer["error"])
        found: Item = answer["data"]
        return found

    # ── The connection ───────────────────────────────────────────────────────────────────────────

    async def _stay(self) -> None:
        attempt = 0
        while True:
            try:
                async with connect(
                    self._rng.choice(self._urls),
                    subprotocols=["bus.v1"],  # type: ignore[list-item]
                    max_size=None,
                    compression=None,
                    open_timeout=10,
                    close_timeout=1,
                ) as socket:
                    attempt = 0
                    await self._converse(socket)
            except (WebSocketException, OSError, TimeoutError):
                pass
            self._lost()
            self.counts["reconnects"] += 1
            longest = min(_LAST_DELAY, _FIRST_DELAY * 2**attempt)
            attempt += 1
            await asyncio.sleep(self._rng.uniform(0, longest))

    async def _converse(self, socket: ClientConnection) -> None:
        self._socket = socket
        try:
            async for frame in socket:
                parsed = json.loads(frame)
                for item in parsed if isinstance(parsed, list) else [parsed]:
                    if item["type"] == "session.closing":
                        # "Come back": at once, to any server.
                        self.counts["closing"] += 1
                        return
                    self._take(item)
        finally:
            self._socket = None
            self.counts[f"closed {socket.close_code}"] += 1

    def _lost(self) -> None:
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(Lost())
        for view in self.rooms.values():
            view.lose()

    def _take(self, item: Item) -> None:
        kind = item["type"]
        if kind == "reply":
            reply = self._replies.get(item["ref"])
            if reply is not None and not reply.done():
                reply.set_result(item)
        elif kind == "session.started":
            self._spawn(self._arrive(item["data"]))
        elif kind == "message.settled":
            self._settle(self.rooms[item["room"]], item["data"])
        elif "seq" in item and item.get("room") in self.rooms:
            self._hear(self.rooms[item["room"]], item)

    def _spawn(self, work: Any) -> None:
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(work))

    async def _arrive(self, started: Item) -> None:
        if self._token:
            # A guest without cookies is somebody new on each connection.
            try:
                await self.command("session.authenticate", token=self._token)
            except (Refused, Lost):
                if self._socket is not None:
                    await self._socket.close()
                return
        else:
            self._token, self.author = started["token"], started["user"]["id"]
        for view in self.rooms.values():
            self._spawn(self._join(view, self._socket))

    # ── Rooms ────────────────────────────────────────────────────────────────────────────────────

    async def _join(self, view: View, socket: ClientConnection | None) -> None:
        """Come in, or catch up; events wait meanwhile."""
        view.joined, view.held_back = False, view.held_back or []
        while self._socket is socket and socket is not None:
            since = {} if view.head is None else {"since": view.head}
            try:
                data = await self.command("room.join", wait=ANSWER, room=view.name, **since)
                missed = data["messages"]
                if since and not data["recovered"]:
                    self.counts["not recovered"] += 1
                    missed = await self._read(view, data["seq"])
            except (Refused, Lost) as error:
                if isinstance(error, Refused):
                    self.counts[f"join {error.code}"] += 1
                await asyncio.sleep(getattr(error, "retry_after", 0.2))
                continue
            if self._socket is socket:
                self._entered(view, missed, data["seq"])
            return

    async def _read(self, view: View, head: int) -> list[Item]:
        """Everything after what is shown, page by page."""
        assert view.head is not None
        found: list[Item] = []
        at = view.head
        while at < head:
            data = await self.command(
                "history.list", wait=ANSWER, room=view.name, after=at, limit=100
            )
            page = [m for m in data["messages"] if m["seq"] <= head]
            found += page
            if not page:
                break
            at = page[-1]["seq"]
        return found

    def _entered(self, view: View, missed: list[Item], head: int) -> None:
        if view.head is None and missed:
            view.head = missed[0]["seq"] - 1
        for message in missed:
            self._show(view, message)
        if (view.head or 0) != head:
            self.faults.append(f"{self.name} in {view.name}: {view.head} after a join to {head}")
        view.head = head
        late, view.held_back, view.joined = view.held_back or [], None, True
        for event in sorted(late, key=lambda item: int(item["seq"])):
            self._hear(view, event)
        view.bell.set()

    def _hear(self, view: View, event: Item) -> None:
        if view.held_back is not None:
            view.held_back.append(event)
        elif not view.joined or view.head is None:
            return
        elif event["seq"] <= view.head:
            self.counts["repeats"] += 1
        elif event["seq"] > view.head + 1:
            self.counts["holes"] += 1
            view.held_back = [event]
            self._spawn(self._join(view, self._socket))
        elif event["type"] == "message.posted":
            self._show(view, event["data"])

    def _show(self, view: View, message: Item) -> None:
        view.show(message)
        if message["author"]["id"] == self.author:
            self._settle(view, {**message, "status": "posted"})

    # ── Messages ─────────────────────────────────────────────────────────────────────────────────

    def _settle(self, view: View, outcome: Item) -> None:
        client_id = outcome["client_id"]
        told = {"status": outcome["status"], "id": outcome.get("id"), "seq": outcome.get("seq")}
        before = self.settled.setdefault(client_id, told)
        if before != told:
            self.faults.append(f"{client_id} was {before} and became {told}")
        sent = view.settle(client_id)
        if sent is not None:
            self.latencies.append(time.monotonic() - sent.sent_at)

    async def _pump(self, view: View) -> None:
        while True:
            sent = view.next()
            if sent is None:
                view.bell.clear()
                try:
                    async with asyncio.timeout(1):
                        await view.bell.wait()
                except TimeoutError:
                    pass
                continue
            await self._transmit(view, sent)

    async def _transmit(self, view: View, sent: Sent) -> None:
        socket = self._socket
        if sent.sent_at:
            self.counts["resent"] += 1
            if sent.accepted_at is not None:
                self.counts["asked again"] += 1
                sent.asked += 1
        else:
            sent.sent_at = time.monotonic()
        try:
            reply = await self.command(
                "message.send", room=view.name, body=sent.body, client_id=sent.client_id
            )
        except Lost:
            return
        except Refused as refusal:
            self.counts[refusal.code] += 1
            if refusal.code not in ("busy", "unavailable", "rate_limited", "not_member"):
                self.faults.append(f"{sent.client_id} was refused: {refusal}")
            await asyncio.sleep(refusal.retry_after)
            return
        if reply["status"] != "accepted":
            self._settle(view, {**reply, "client_id": sent.client_id})
        elif self._socket is socket:
            sent.accepted_at, sent.known = time.monotonic(), True
