"""Dry runs: what a changed policy would have done, now or step by step in a worker."""

import datetime as dt
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from bus.enforcement import room_policies
from bus.enforcement.policy_diff import PolicyDiff
from bus.messaging import default_layer, operations, outbox
from bus.models import DryRun, Message, QueuedSend, Room
from bus.posting import edit, removal
from bus.posting import settle as posting
from bus.protocol import channel_names
from bus.protocol.channel_messages import DryRunContinued
from bus.protocol.errors import Conflict, Invalid, NotFound
from bus.protocol.objects import Author
from bus.review import dry_run
from bus.workers import dry_run as rehearsal
from tests.support.factories import (
    GUEST,
    GUEST_VISITOR,
    HELD,
    posted,
    room,
    settle,
    submission,
    visitor,
)

pytestmark = pytest.mark.django_db(transaction=True)

TRADE = "trading a red sword"
WORDS = {"words": ["red sword"]}


@pytest.fixture
def lobby() -> Room:
    place = room()
    posting.settle([submission(place, f"hello number {n}") for n in range(30)])
    settle(place, TRADE, "what the fuck")
    return place


def test_what_would_change_is_counted_with_examples(lobby: Room) -> None:
    found = dry_run.compare(lobby, parts=WORDS)
    assert (found.looked, found.changed, dict(found.changes)) == (32, 1, {"allow>reject": 1})
    assert dry_run.examples(found) == {"allow>reject": [("words", TRADE)]}
    assert found.warnings == []
    milder = dry_run.compare(lobby, moderation="off")
    assert dict(milder.changes) == {"reject>allow": 1}


def test_it_looks_at_the_last_messages_or_days(lobby: Room) -> None:
    assert dry_run.compare(lobby, parts=WORDS, last=1).changed == 0
    assert dry_run.compare(lobby, parts=WORDS, last=2).changed == 1
    Message.objects.filter(body=TRADE).update(created_at=timezone.now() - dt.timedelta(days=5))
    assert dry_run.compare(lobby, parts=WORDS, days=3).changed == 0
    assert dry_run.compare(lobby, parts=WORDS, days=6).changed == 1


def test_floods_and_repeats_are_seen_as_workers_see_them(lobby: Room, broker: str) -> None:
    # More than a policy looks at by itself, and across the steps of a job.
    calm = {"flood_messages": 15, "flood_seconds": 60}
    found = dry_run.compare(lobby, parts=calm)
    assert dict(found.changes) == {"allow>hold": 16}
    assert dry_run.compare(lobby, parts=calm, last=5).changed == 4
    run = begin(lobby, parts=calm)
    work_off(run, broker, size=7)
    run.refresh_from_db()
    assert run.found["changes"] == dict(found.changes)


@pytest.mark.parametrize(
    ("parts", "change"),
    [
        ({"raid_seconds": 3600}, "allow>hold"),
        ({"new_seconds": 86_400, "new_max_mentions": 0}, "allow>reject"),
    ],
)
def test_accounts_are_as_old_as_they_were_by_then(parts: dict[str, Any], change: str) -> None:
    place = room()
    old, new = visitor("old", days=1), visitor("new", days=0)
    for author in (GUEST, old.author, new.author, Author(name="deploy bot")):
        posted(place, "hello @mina", author)
    assert dict(dry_run.compare(place, parts=parts).changes) == {change: 2}
    User.objects.update(date_joined=timezone.now() - dt.timedelta(days=9))
    assert dict(dry_run.compare(place, parts=parts).changes) == {change: 1}


def test_a_term_that_matches_everything_is_warned_of(lobby: Room) -> None:
    found = dry_run.compare(lobby, parts={"words": ["*number*"]})
    assert "'number' is found in 30 of 32 messages" in found.warnings
    assert any("94 %" in warning for warning in found.warnings)


def test_it_is_warned_of_where_nothing_comes_of_it(lobby: Room) -> None:
    found = dry_run.compare(lobby, parts={"words": ["*number*"], "own_severity": 1})
    assert (found.changed, found.touched) == (0, 30)
    assert "'number' is found in 30 of 32 messages" in found.warnings
    assert "something new is found in 94 % of all messages" in found.warnings
    # What the present policy finds as well is no news.
    room_policies.change(lobby.pk, by=None, parts={"words": ["*number*"]})
    lobby.refresh_from_db()
    found = dry_run.compare(lobby, parts={"max_mentions": 3})
    assert (found.touched, found.warnings) == (0, [])
    again = PolicyDiff.from_json(dry_run.compare(lobby, parts={"patterns": ["."]}).as_json())
    assert again.touched == 32
    assert "something new is found in 100 % of all messages" in again.warnings


def test_removed_texts_are_no_examples_and_wiped_ones_are_not_judged(lobby: Room) -> None:
    Message.objects.filter(body=TRADE).update(removed_at=timezone.now())
    found = dry_run.compare(lobby, parts=WORDS)
    assert (found.changed, found.examples) == (1, {})
    Message.objects.filter(body=TRADE).update(body="", verdict=None)
    assert dry_run.compare(lobby, parts=WORDS).looked == 31


def test_what_was_held_and_purged_is_counted_and_not_shown(lobby: Room) -> None:
    settle(lobby, HELD)
    held = dry_run.compare(lobby, moderation="off", last=1)
    assert dry_run.examples(held) == {"hold>allow": [("links", HELD)]}
    removal.purge(lobby.pk, "gabc", since=timezone.now() - dt.timedelta(minutes=5), by=None)
    found = dry_run.compare(lobby, moderation="off", last=1)
    assert (dict(found.changes), found.examples) == ({"hold>allow": 1}, {})
    # Of what was looked at before, nothing is left to show either.
    assert dry_run.examples(held) == {"hold>allow": []}


def test_a_job_keeps_no_text_and_shows_none_that_was_removed_since(
    lobby: Room, broker: str
) -> None:
    run = begin(lobby, parts={"words": ["sword"]})
    work_off(run, broker)
    run.refresh_from_db()
    assert (run.state, "sword" in json.dumps(run.found)) == ("done", False)
    row = Message.objects.get(body=TRADE)
    assert shown(run) == [("words", TRADE)]
    edit.remove(lobby.pk, str(row.pk), GUEST_VISITOR)
    assert shown(run) == []


def shown(run: DryRun) -> list[tuple[str, str]]:
    return dry_run.examples(PolicyDiff.from_json(run.found))["allow>reject"]


@pytest.mark.parametrize(
    "values",
    [
        {"parts": {"nonsense": 1}},
        {"parts": {"patterns": [f"[a-z]{{50,200}}x{number}" for number in range(100)]}},
        {"moderation": "severe"},
        {"last": 0},
        {"days": 0},
        {"last": 10**9},
    ],
)
def test_what_makes_no_sense_is_refused(lobby: Room, values: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        dry_run.compare(lobby, **values)


def work_off(run: DryRun, broker: str, size: int = dry_run.STEP) -> int:
    """Do what waits in the channel, as a worker would; how many steps it took."""
    steps = 0
    while True:
        outbox.relay()
        message = async_to_sync(receive_or_none)()
        if message is None:
            return steps
        steps += 1
        rehearsal.go_on(DryRunContinued(run=message["run"], after=message["after"]), size)


async def receive_or_none() -> Any:
    stats = (await operations.stats([channel_names.MODERATION]))[0]
    found = await default_layer.get().receive(channel_names.MODERATION) if stats.depth else None
    await default_layer.close()
    return found


def begin(place: Room, **values: Any) -> DryRun:
    with transaction.atomic():
        run = dry_run.start(place, by=None, **values)
        rehearsal.ask(run)
    return run


def test_a_job_goes_step_by_step_to_the_same_end(lobby: Room, broker: str) -> None:
    run = begin(lobby, parts=WORDS)
    assert (run.state, run.total) == ("running", 32)
    assert work_off(run, broker, size=10) == 4
    run.refresh_from_db()
    assert (run.state, run.looked, run.error) == ("done", 32, "")
    assert run.ended_at is not None
    found = PolicyDiff.from_json(run.found)
    assert (found.looked, dict(found.changes)) == (32, {"allow>reject": 1})
    assert dry_run.examples(found) == {"allow>reject": [("words", TRADE)]}


def test_a_step_that_comes_twice_counts_once(
    lobby: Room, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = dry_run.start(lobby, by=None, parts=WORDS)
    first = DryRunContinued(run=run.pk, after=run.position)
    monkeypatch.setattr(outbox, "relay", lambda: 0)
    for _ in range(3):
        rehearsal.go_on(first, size=10)
    run.refresh_from_db()
    assert (run.looked, QueuedSend.objects.count()) == (10, 1)


def test_a_job_over_the_last_messages_and_over_nothing(lobby: Room, broker: str) -> None:
    run = begin(lobby, parts=WORDS, last=5)
    assert run.total == 5
    work_off(run, broker)
    run.refresh_from_db()
    assert (run.state, run.looked) == ("done", 5)
    assert dry_run.start(room("empty"), by=None).state == "done"


def test_a_job_is_stopped_and_keeps_what_it_found(lobby: Room, broker: str) -> None:
    run = dry_run.start(lobby, by=None, parts={"words": ["number 3"]})
    run = dry_run.step(run.pk, run.position, size=10) or run
    assert run.found["matched"] != {}
    assert dry_run.stop(run.pk).state == "stopped"
    assert dry_run.find(run.pk).found["matched"] == {}
    assert dry_run.step(run.pk, run.position) is None
    assert dry_run.find(run.pk).looked == 10
    with pytest.raises(Conflict):
        dry_run.stop(run.pk)
    with pytest.raises(NotFound):
        dry_run.stop(999_999)


def test_a_job_whose_parts_do_not_hold_any_more_fails_and_says_why(lobby: Room) -> None:
    run = dry_run.start(lobby, by=None)
    DryRun.objects.update(parts={"gone": 1})
    failed = dry_run.step(run.pk, run.position)
    assert failed is not None
    assert (failed.state, "gone" in failed.error) == ("failed", True)
