"""tests/vectors/client.json against the Python client; vectors.test.mjs has client.js."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from bus.client import Bus, Sent
from bus.client import bus as bus_module
from tests.support.fake_server import USER, joined, message, posted, settled

TESTS = Path(__file__).resolve().parents[2]
VECTORS: list[dict[str, Any]] = json.loads((TESTS / "vectors" / "client.json").read_text("utf-8"))
EXPECTED = {"sends", "tells", "ends"}
LIMITS = {"body": 2000, "frame": 65536}
STEP = 0.05  # s that the clock moves at once
TURNS = 20  # of the loop, which let all that is ready run


class FakeSocket:
    """A socket that a test holds by the other end."""

    def __init__(self) -> None:
        self.transport = self
        self.commands: list[dict[str, Any]] = []
        self._frames: asyncio.Queue[str | int] = asyncio.Queue()

    async def send(self, text: str) -> None:
        self.commands.append(json.loads(text))

    async def recv(self) -> str:
        frame = await self._frames.get()
        if isinstance(frame, int):
            raise ConnectionClosedError(Close(frame, ""), None)
        return frame

    def abort(self) -> None:
        """What is dropped needs no handshake."""

    def say(self, **item: Any) -> None:
        self._frames.put_nowait(json.dumps(item))

    def drop(self, code: int) -> None:
        self._frames.put_nowait(code)


class Run:
    """A client on fake sockets and a clock that the vectors move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
        self.now = 1000.0
        self.sockets: list[FakeSocket] = []
        self.unanswered: list[dict[str, Any]] = []
        self.tells: list[str] = []
        self.handles: dict[str, Sent] = {}
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)
        monkeypatch.setattr(bus_module, "open_socket", self._open)
        self.bus = Bus("ws://bus.test/ws/", token=token, random=lambda: 1.0)
        self.room = self.bus.room("lobby")
        self.bus.on("state", lambda state: self.tells.append(f"bus {state}"))
        self.room.on("message", lambda each: self.tells.append(f"message {each.seq}"))
        self.room.on("edited", lambda each: self.tells.append(f"edited {each.id}"))
        self.room.on("removed", lambda each: self.tells.append(f"removed {each.id}"))
        self.room.on("gap", lambda gap: self.tells.append(f"gap {gap.since} {gap.seq}"))
        self.room.on("joined", lambda each: self.tells.append(f"joined {each.seq}"))
        self.room.on("rejected", lambda error: self.tells.append(f"refused {error.code}"))
        self.room.on("settled", lambda _: self.tells.append("settled"))
        self.tasks = [asyncio.ensure_future(self.bus.__aenter__())]

    async def _open(self, *_: Any, **__: Any) -> FakeSocket:
        self.sockets.append(FakeSocket())
        return self.sockets[-1]

    async def move(self, seconds: float) -> None:
        """Let all that is ready run, and the clock move."""
        end = self.now + seconds
        while True:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if self.now >= end:
                return
            self.now = min(end, self.now + STEP)

    def look(self) -> list[dict[str, Any]]:
        """What was written since the last look; the next answer is to the oldest."""
        commands, self.sockets[-1].commands = self.sockets[-1].commands, []
        self.unanswered += commands
        return [{"type": each["type"], **each["data"]} for each in commands]

    async def give(self, step: Any) -> None:
        """Do what a step of a vector says."""
        if isinstance(step, str):
            for each in ({"join": True}, {"started": True}, {"joined": int(step[3:])}):
                await self.give(each)
            return
        self.look()
        match step:
            case {"join": _}:
                self.tasks.append(asyncio.ensure_future(self.room.join()))
            case {"send": name, **more}:
                body = "x" * more["length"] if more else "hi"
                sent = self.handles[name] = self.room.send(body, client_id=name)
                sent.on("status", lambda status: self.tells.append(f"{name} {status}"))
            case {"retry": name}:
                self.handles[name].retry()
            case {"cancel": name}:
                self.handles[name].cancel()
            case {"reconnect": _}:
                self.bus.retry()
            case {"leave": _}:
                self.tasks.append(asyncio.ensure_future(self.room.leave()))
            case {"edit": id, "body": body}:
                self.tasks.append(asyncio.ensure_future(self.room.edit(id, body)))
            case {"delete": id}:
                self.tasks.append(asyncio.ensure_future(self.room.delete(id)))
            case {"pass": seconds}:
                await self.move(seconds)
            case _:
                self._serve(self.sockets[-1], step)
        await self.move(0.001)

    def _serve(self, socket: FakeSocket, step: dict[str, Any]) -> None:
        match step:
            case {"started": _}:
                data = {"session": "s", "heartbeat": 25, "user": USER, "limits": LIMITS}
                socket.say(type="session.started", data=data)
            case {"reply": data}:
                self._answer(socket, ok=True, data=data)
            case {"refuse": error}:
                self._answer(socket, ok=False, error=error)
            case {"joined": seq, **more}:
                messages = [message(each) for each in more.pop("messages", [])]
                self._answer(socket, ok=True, data=joined(seq, *messages, **more))
            case {"posted": seq, **more}:
                socket.say(**posted(seq, **more))
            case {"edited": id, "seq": seq}:
                edited = message(1, id=id, changed=seq, edited=True)
                socket.say(type="message.edited", room="lobby", seq=seq, data=edited)
            case {"removed": id, "seq": seq}:
                data = {"id": id, "by": "author"}
                socket.say(type="message.removed", room="lobby", seq=seq, data=data)
            case {"settled": data}:
                socket.say(**settled(**data))
            case {"close": code}:
                self.unanswered.clear()
                socket.drop(code)
            case _:
                raise ValueError(f"no such input: {step}")

    def _answer(self, socket: FakeSocket, **reply: Any) -> None:
        socket.say(type="reply", ref=self.unanswered.pop(0)["ref"], **reply)

    async def close(self) -> None:
        """End the client and all that waits for it."""
        await self.bus.close()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def _end(sent: Sent) -> str:
    return f"{sent.status} {_said(sent.accepted)} {_said(sent.settled)}"


def _said(future: asyncio.Future[Any]) -> str:
    if not future.done():
        return "open"
    error = future.exception()
    if error is not None:
        return str(getattr(error, "code", error))
    return getattr(future.result(), "status", "yes")


@pytest.mark.asyncio
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
async def test_vector(vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, vector.get("token"))
    await run.move(0)
    try:
        for step in vector["given"]:
            await run.give(step)
        run.look()
        run.tells.clear()
        await run.give(vector["when"])
        ends = {name: _end(sent) for name, sent in run.handles.items()}
        seen = {"sends": run.look(), "tells": list(run.tells), "ends": ends}
    finally:
        await run.close()
    wanted = {**vector, **vector.get("differs", {}).get("python", {})}
    nothing: dict[str, Any] = {"sends": [], "tells": [], "ends": {}}
    assert seen == {key: wanted.get(key, none) for key, none in nothing.items()}


def test_each_difference_has_a_reason_and_differs() -> None:
    for vector in VECTORS:
        assert set(vector) <= {"name", "token", "given", "when", "differs"} | EXPECTED, vector[
            "name"
        ]
        for client, says in vector.get("differs", {}).items():
            assert client in ("js", "python")
            assert says["because"]
            assert set(says) - {"because"} <= EXPECTED
            assert any(says[key] != vector.get(key) for key in says if key != "because")


def test_client_js_runs_every_vector() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no `node` on the PATH: install Node 20 or later to test client.js")
    path = TESTS / "unit" / "static" / "vectors.test.mjs"
    command = [node, "--no-warnings", "--test", "--test-reporter=tap", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    ran = {line.strip().partition(" - ")[2] for line in run.stdout.splitlines() if " - " in line}
    assert run.returncode == 0, run.stdout
    names = [vector["name"] for vector in VECTORS]
    assert len(set(names)) == len(names)
    assert set(names) <= ran, run.stdout
