"""Two people chat through web and worker; a bad word, a killed worker and a restart in between."""

from __future__ import annotations

import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.site import SERVERS, Client, Plain, Site, running


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    # Short, since the broker's socket lies in it.
    with tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture(scope="module", params=SERVERS)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with (
        tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path,
        running(Path(path), request.param) as site,
    ):
        yield site


def room() -> str:
    """A room that no other test is in; open rooms make it at the first visit."""
    return f"방_{uuid.uuid4().hex[:8]}"


def test_two_plain_clients_chat(site: Site) -> None:
    name = room()
    one, two = Plain(site, name), Plain(site, name)
    one.say("hi")
    for client in (one, two):
        frame = client.hear()
        assert (frame["type"], frame["message"], frame["room"], frame["seq"]) == (
            "chat.message", "hi", name, 1,
        )  # fmt: skip
    two.say("안녕하세요")
    assert one.hear()["message"] == two.hear()["message"] == "안녕하세요"


def test_a_bad_word_is_told_to_its_sender_alone(site: Site) -> None:
    name = room()
    one, two = Plain(site, name), Plain(site, name)
    one.say("well, fuck")
    refused = one.hear()
    assert (refused["type"], refused["code"]) == ("error", "rejected")
    one.say("well, well")
    assert two.hear()["message"] == "well, well"


def test_two_sessions_chat(site: Site) -> None:
    name = room()
    one, two = Client(site), Client(site)
    assert one.started["protocol"] == "bus.v1"
    for client in (one, two):
        joined = client.ask("room.join", room=name)["data"]
        assert (joined["seq"], joined["messages"]) == (0, [])
    reply = one.ask("message.send", room=name, body="hello", client_id="a")
    assert reply["data"] == {"status": "accepted"}
    settled = one.event("message.settled")["data"]
    posted = two.event("message.posted")
    assert (settled["status"], settled["seq"], settled["client_id"]) == ("posted", 1, "a")
    assert (posted["room"], posted["seq"], posted["data"]["id"]) == (name, 1, settled["id"])
    again = one.ask("message.send", room=name, body="hello", client_id="a")
    assert (again["data"]["status"], again["data"]["id"]) == ("posted", settled["id"])
    assert two.events("message.posted") == []


def test_a_session_and_a_plain_client_share_a_room(site: Site) -> None:
    name = room()
    session, plain = Client(site), Plain(site, name)
    session.ask("room.join", room=name)
    plain.say("from the tutorial's page")
    assert session.event("message.posted")["data"]["body"] == "from the tutorial's page"
    assert plain.hear()["seq"] == 1
    session.ask("message.send", room=name, body="from a session", client_id="a")
    assert plain.hear()["message"] == "from a session"


def test_a_message_sent_while_the_worker_is_dead_arrives_once(site: Site) -> None:
    name = room()
    one, two = Client(site), Client(site)
    for client in (one, two):
        client.ask("room.join", room=name)
    site.kill(site.worker)
    for number in range(10):
        reply = one.ask("message.send", room=name, body=f"message {number}", client_id=str(number))
        assert reply["data"] == {"status": "accepted"}
    site.worker = site.start_worker()
    bodies = [two.event("message.posted")["data"]["body"] for _ in range(10)]
    assert bodies == [f"message {number}" for number in range(10)]
    for _ in range(10):
        assert one.event("message.settled")["data"]["status"] == "posted"
    assert two.events("message.posted") == []


def test_a_worker_killed_at_work_loses_and_repeats_nothing(site: Site) -> None:
    name = room()
    one, two = Client(site), Client(site)
    for client in (one, two):
        client.ask("room.join", room=name)
    for number in range(25):
        one.ask("message.send", room=name, body=f"message {number}", client_id=str(number))
        if number == 12:
            site.kill(site.worker)
            site.worker = site.start_worker()
    seqs = []
    while len(set(seqs)) < 25:
        seqs.append(two.event("message.posted")["seq"])
    assert seqs == list(range(1, 26))
    history = two.ask("history.list", room=name, limit=100)["data"]["messages"]
    assert [m["body"] for m in history] == [f"message {number}" for number in range(25)]


def test_since_gives_what_was_missed(site: Site) -> None:
    name = room()
    one, two = Client(site), Client(site)
    one.ask("room.join", room=name)
    two.ask("room.join", room=name)
    one.ask("message.send", room=name, body="seen", client_id="1")
    assert two.event("message.posted")["seq"] == 1
    two.socket.close()
    for number in (2, 3):
        one.ask("message.send", room=name, body="missed", client_id=str(number))
    while one.event("message.settled")["data"]["seq"] != 3:
        pass
    back = Client(site)
    joined = back.ask("room.join", room=name, since=1)["data"]
    assert joined["recovered"] is True
    assert [m["seq"] for m in joined["messages"]] == [2, 3]
    one.ask("message.send", room=name, body="live", client_id="4")
    assert back.event("message.posted")["seq"] == 4


def test_a_worker_stops_clean(site: Site) -> None:
    assert site.kill(site.worker, signal.SIGTERM) == 0
    site.worker = site.start_worker()
    site.wait_until_ready()
    assert "Traceback" not in site.text()


@pytest.mark.parametrize("server", SERVERS)
def test_history_is_there_after_a_restart(directory: Path, server: str) -> None:
    for start in (1, 2):
        with running(directory / server, server) as site:
            client = Client(site)
            joined = client.ask("room.join", room="lobby")["data"]
            known = [message["body"] for message in joined["messages"]]
            assert known == [f"start {n}" for n in range(1, start)]
            client.ask("message.send", room="lobby", body=f"start {start}", client_id=str(start))
            assert client.event("message.settled")["data"]["seq"] == start
