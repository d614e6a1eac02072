"""External judges: they may have a message held, and nothing that goes wrong with them matters."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bus.enforcement.external_classifier import ExternalClassifier
from bus.moderation import POLICIES, Verdict, judge
from bus.protocol.errors import RESERVED_CODES, by_code
from bus.protocol.reasons import REASONS, RESERVED
from tests.support.wait import until_async

BODIES = ["good morning", "an odd offer", "what the fuck"]


class Server(ThreadingHTTPServer):
    """A judge that holds what is odd, or answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[list[str]] = []
        self.answer: Any = None
        # What is sent before the answer, and then a byte of it again and again until it may go on.
        self.trickle = b""
        self.go_on = threading.Event()
        self.go_on.set()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["texts"]
        self.server.asked.append(texts)
        try:
            if self.server.trickle:
                self.wfile.write(self.server.trickle)
                while not self.server.go_on.wait(0.005):
                    self.wfile.write(b" ")
                return
            self.server.go_on.wait(30)
            self.reply(texts)
        except OSError:
            pass  # whoever asked has given up

    def reply(self, texts: list[str]) -> None:
        verdicts = [
            {"action": "hold", "reason": "spam"} if "odd" in text else {"action": "allow"}
            for text in texts
        ]
        answer = {"verdicts": verdicts} if self.server.answer is None else self.server.answer
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        settings.BUS_JUDGE_URL = f"http://127.0.0.1:{found.server_port}/"
        settings.BUS_JUDGE_TIMEOUT = 5.0
        yield found
        found.go_on.set()
        found.shutdown()
        thread.join()


async def consult_here(
    external: ExternalClassifier, bodies: list[str] = BODIES
) -> dict[int, Verdict]:
    verdicts = {at: judge(body, POLICIES["standard"]) for at, body in enumerate(bodies)}
    await external.consult(verdicts, bodies)
    return verdicts


def consult(external: ExternalClassifier, bodies: list[str] = BODIES) -> dict[int, Verdict]:
    return asyncio.run(consult_here(external, bodies))


def actions(verdicts: dict[int, Verdict]) -> list[str]:
    return [verdict.action for verdict in verdicts.values()]


def test_none_is_asked_without_an_address(settings: Any) -> None:
    assert not ExternalClassifier().asked
    settings.BUS_JUDGE_URL = "http://127.0.0.1:1/"
    assert ExternalClassifier().asked


def test_it_has_a_message_held_and_is_not_asked_about_what_is_rejected(server: Server) -> None:
    external = ExternalClassifier()
    verdicts = consult(external)
    assert actions(verdicts) == ["allow", "hold", "reject"]
    assert (verdicts[1].reason, verdicts[1].hits[-1].rule) == ("spam", "external")
    assert server.asked == [["good morning", "an odd offer"]]


def test_what_our_own_rules_would_star_stays_in_the_verdict(server: Server) -> None:
    (verdict,) = consult(ExternalClassifier(), ["holy shit, odd"]).values()
    assert (verdict.action, verdict.masked) == ("hold", "*********, odd")
    assert [(hit.rule, hit.start, hit.end) for hit in verdict.hits] == [
        ("words", 0, 9),
        ("external", 0, 14),
    ]


def test_an_answer_is_kept(server: Server) -> None:
    external = ExternalClassifier()
    for _ in range(3):
        assert actions(consult(external)) == ["allow", "hold", "reject"]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"verdicts": []},
        {"verdicts": [{"action": "ban"}, {"action": "hold"}]},
        {"verdicts": [{"action": "reject"}, {"action": "reject"}]},
        {"verdicts": "hold"},
    ],
)
def test_an_answer_that_is_none_changes_nothing_and_is_counted(server: Server, answer: Any) -> None:
    server.answer = answer
    external = ExternalClassifier()
    assert actions(consult(external)) == ["allow", "allow", "reject"]
    assert external.counts == {"failed": 2}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("spam", "spam"),
        ("off_topic2", "off_topic2"),
        *((code, "external") for code in ("", "Spam", "x\ny", "a\0b", "\ud800", "_a", "a" * 33, 7)),
        *((code, "external") for code in ("author", "reported", "internal", "moderator", "muted")),
    ],
)
def test_a_reason_is_a_code_that_means_nothing_else(server: Server, said: Any, told: str) -> None:
    server.answer = {"verdicts": [{"action": "hold", "reason": said}]}
    assert consult(ExternalClassifier(), ["an odd offer"])[0].reason == told


def test_what_becomes_of_a_message_is_no_reason_from_outside() -> None:
    of_a_text = {reason for policy in POLICIES.values() for reason in policy.ladders}
    of_a_text |= {"external", "personal"}
    of_errors = set(by_code()) | set(RESERVED_CODES)
    assert (set(REASONS) - of_a_text) | of_errors | {"author", "moderation"} == RESERVED


def test_a_late_answer_is_not_waited_for(server: Server, settings: Any) -> None:
    settings.BUS_JUDGE_TIMEOUT = 0.05
    server.go_on.clear()
    external = ExternalClassifier()
    assert actions(consult(external)) == ["allow", "allow", "reject"]
    assert external.counts == {"failed": 2}


def test_a_late_answer_is_kept_for_the_next_time(server: Server, settings: Any) -> None:
    settings.BUS_JUDGE_TIMEOUT = 0.05
    server.go_on.clear()
    external = ExternalClassifier(patience=1000)

    async def ask_twice() -> dict[int, Verdict]:
        assert actions(await consult_here(external)) == ["allow", "allow", "reject"]
        server.go_on.set()
        await until_async(lambda: external._cache)
        return await consult_here(external)

    assert actions(asyncio.run(ask_twice())) == ["allow", "hold", "reject"]
    assert len(server.asked) == 1


def test_many_at_once_wait_for_their_turn(server: Server) -> None:
    external = ExternalClassifier()

    async def ask_all() -> list[dict[int, Verdict]]:
        return await asyncio.gather(*(consult_here(external, [f"odd {n}"]) for n in range(20)))

    assert [actions(found) for found in asyncio.run(ask_all())] == [["hold"]] * 20


@pytest.mark.parametrize("begun", [b"HTTP/1.0 200 OK\r\nX-Slow: ", b"HTTP/1.0 200 OK\r\n\r\n"])
def test_an_answer_that_trickles_in_is_cut_off(server: Server, settings: Any, begun: bytes) -> None:
    settings.BUS_JUDGE_TIMEOUT = 0.05
    server.trickle = begun
    server.go_on.clear()
    external = ExternalClassifier(break_after=100, patience=10)

    async def ask_until_it_is_well() -> dict[int, Verdict]:
        await asyncio.gather(*(consult_here(external, [f"text {n}"]) for n in range(4)))
        await consult_here(external, ["one more"])
        assert external.counts == {"failed": 4, "skipped": 1}
        await until_async(lambda: not external._late)
        server.trickle = b""
        server.go_on.set()
        settings.BUS_JUDGE_TIMEOUT = 5.0
        return await consult_here(external)

    assert actions(asyncio.run(ask_until_it_is_well())) == ["allow", "hold", "reject"]


@pytest.mark.parametrize("address", ["127.0.0.1:9000/judge", "file:///etc/hostname", "http://"])
def test_what_is_no_address_is_a_judge_that_fails(settings: Any, address: str) -> None:
    settings.BUS_JUDGE_URL = address
    external = ExternalClassifier()
    assert actions(consult(external)) == ["allow", "allow", "reject"]
    assert external.counts == {"failed": 2}


def test_after_failures_it_is_left_alone_for_a_while(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = {}
    external = ExternalClassifier()
    for _ in range(5):
        consult(external)
    assert len(server.asked) == 3
    assert external.counts == {"failed": 6, "skipped": 4}
    assert "our own verdicts stand" in caplog.text
    server.answer = None
    monkeypatch.setattr("time.monotonic", lambda: 1e12)
    assert actions(consult(external)) == ["allow", "hold", "reject"]
