"""`manage.py moderation`: policies, dry runs, statistics, and what takes things back."""

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from bus.enforcement import room_policies, sanctions
from bus.models import AuditEntry, Message, Review, Room, Sanction, Strike
from bus.review import reviews, rule_statistics
from tests.support.factories import CLEAN, HELD, REJECTED, posted, room, settle

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest.fixture
def lobby() -> Room:
    return room()


def moderation(*args: str) -> str:
    out = io.StringIO()
    call_command("moderation", *args, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_policy_shows_and_changes_what_a_room_goes_by(lobby: Room) -> None:
    args = ("--part", 'words=["red sword"]', "--conduct", "mode=after", "--raid", "60")
    shown = json.loads(moderation("policy", "--room", "lobby", "--base", "strict", *args))
    assert (shown["base"], shown["conduct"]["mode"]) == ("strict", "after")
    assert shown["parts"] == {"words": ["red sword"], "raid_seconds": 60}
    shown = json.loads(moderation("policy", "--room", "lobby", "--reset", "words", "--raid", "0"))
    assert shown["parts"] == {"raid_seconds": 0}


def test_policy_keeps_what_somebody_else_changes_meanwhile(
    lobby: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = room_policies.change

    def late(room_id: int, **values: Any) -> Room:
        monkeypatch.undo()
        room_policies.raid(room_id, 3600, by=None)
        return change(room_id, **values)

    monkeypatch.setattr(room_policies, "change", late)
    shown = json.loads(moderation("policy", "--room", "lobby", "--part", 'words=["zork"]'))
    assert shown["parts"] == {"raid_seconds": 3600, "words": ["zork"]}


def test_policy_sets_slow_mode(lobby: Room) -> None:
    shown = json.loads(moderation("policy", "--room", "lobby", "--slow-mode", "1"))
    assert shown["slow_mode"] == 1
    assert [s.row.reason for s in settle(lobby, CLEAN, "and again") if s.row] == ["", "slow_mode"]
    assert AuditEntry.objects.get().details == {"version": 1, "slow_mode": [0, 1]}
    assert json.loads(moderation("policy", "--room", "lobby", "--slow-mode", "0"))["slow_mode"] == 0


def test_the_undo_of_a_change_in_the_log_is_a_command(lobby: Room) -> None:
    moderation("policy", "--room", "lobby", "--base", "strict", "--part", 'words=["zork"]')
    _, *args = AuditEntry.objects.get().undo.split()
    shown = json.loads(moderation(*args, "--reason", "it was a joke"))
    assert (shown["base"], shown["parts"]) == ("standard", {})
    assert AuditEntry.objects.filter(reason="it was a joke").exists()


def test_a_part_is_read_from_a_file(lobby: Room, tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeffred sword\n\n  겨울왕국 \r\nword number\n", encoding="utf-8")
    args = ("policy", "--room", "lobby", "--part", f"words=@{file}")
    words = ["red sword", "겨울왕국", "word number"]
    assert json.loads(moderation(*args))["parts"] == {"words": words}
    file.write_text("\n".join(f"w{number}" for number in range(10_000)))
    assert len(json.loads(moderation(*args))["parts"]["words"]) == 10_000
    for content, told in (
        (b"word\n" * 10_001, "more than 10,000 lines"),
        (b"x" * 10_000, "more than 1000 characters"),
        (b"\xff\xfe", "cannot be read"),
        (b"y" * 101, "100 at most"),
    ):
        file.write_bytes(content)
        with pytest.raises(CommandError, match=f"(?s){told}.*Nothing was changed"):
            moderation(*args)
    with pytest.raises(CommandError, match="Nothing was changed"):
        moderation("policy", "--room", "lobby", "--part", f"words=@{tmp_path}")
    lobby.refresh_from_db()
    assert len(lobby.policy_parts["words"]) == 10_000


@pytest.mark.parametrize(
    "args",
    [
        ("policy", "--room", "nowhere"),
        ("policy", "--room", "lobby", "--part", "words"),
        ("policy", "--room", "lobby", "--part", "words=3"),
        ("policy", "--room", "lobby", "--conduct", "mode=never"),
        ("policy", "--room", "lobby", "--reset", "wrods"),
        ("policy", "--room", "lobby", "--undo", "1"),
        ("policy", "--room", "lobby", "--undo", "1", "--raid", "60"),
        ("policy", "--room", "lobby", "--raid", "60", "--reason", "a\udcffb"),
        ("policy", "--room", "lobby", "--part", 'words=["\udcff"]'),
        ("policy", "--room", "lobby", "--conduct", "\udcff=1"),
        ("policy", "--room", "\udcff"),
        ("lift", "77", "--reason", "\udcff"),
        ("purge", "--room", "lobby", "\udcff"),
        ("dry-run",),
        ("dry-run", "--show", "77"),
        *[
            ("dry-run", "--room", "lobby", *job, f"--last={last}")
            for job in ((), ("--job",))
            for last in ("-5", "0", "9" * 30)
        ],
        *[
            ("dry-run", "--room", "lobby", *job, f"--days={days}")
            for job in ((), ("--job",))
            for days in ("-5", "0", "nan", "inf", "1e15")
        ],
        ("stats", "--days", "nan"),
        ("stats", "--days", "1e15"),
        ("policy", "--room", "lobby", "--slow-mode", "9" * 30),
        ("policy", "--room", "lobby", "--raid", "-1"),
        ("policy", "--room", "lobby", "--undo", "9" * 30),
        ("lift", "9" * 30),
        ("undo", "9" * 30),
        ("dry-run", "--stop", "9" * 30),
        ("policy", "--room", "lobby", "--slow-mode", "-1"),
        ("lift", "77"),
        ("forgive", "77"),
        ("undo", "77"),
        ("stats", "--days", "0"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(lobby: Room, args: Any) -> None:
    with pytest.raises(CommandError, match="Nothing was changed"):
        moderation(*args)
    lobby.refresh_from_db()
    assert (lobby.policy_parts, lobby.conduct) == ({}, {})


@pytest.mark.parametrize("minutes", ["nan", "inf", "1e15", "-5", "0"])
def test_a_purge_of_no_time_is_refused(lobby: Room, minutes: str) -> None:
    row = posted(lobby)
    with pytest.raises(CommandError, match="Nothing was removed"):
        moderation("purge", "--room", "lobby", "gabc", f"--minutes={minutes}")
    row.refresh_from_db()
    assert row.removed_at is None


def test_dry_run_shows_what_would_change(lobby: Room) -> None:
    settle(lobby, "trading a red sword", CLEAN)
    told = moderation("dry-run", "--room", "lobby", "--part", 'words=["red sword"]')
    assert "1 of 2 messages would go another way." in told
    assert "allow -> reject: 1" in told
    assert "trading a red sword" in told
    told = moderation("dry-run", "--room", "lobby", "--part", "max_links=0", "--job")
    assert "running, 0 of 2 messages." in told


def test_statistics_count_hits_and_what_moderators_thought(lobby: Room) -> None:
    settle(lobby, CLEAN, REJECTED, HELD, HELD + "2")
    first, second = Review.objects.order_by("pk")
    Review.objects.update(opened_at=timezone.now() - dt.timedelta(minutes=2))
    reviews.decide(first.pk, approve=True, by=None)
    assert [stats.rule for stats in rule_statistics.of_rules(room("other"))] == []

    reviews.decide(second.pk, approve=True, by=User.objects.create_user("mina"))
    found = {stats["rule"]: stats for stats in json.loads(moderation("stats", "--json"))}
    links = found["links"]
    assert (links["hits"], links["posted"], links["reviewed"], links["overturned"]) == (2, 2, 2, 2)
    assert 119 < links["wait"] < 130
    assert (found["words"]["hits"], found["words"]["rejected"]) == (1, 1)
    assert "links" in moderation("stats", "--room", "lobby", "--days", "1")
    Message.objects.update(created_at=timezone.now() - dt.timedelta(days=9))
    assert "No rule found anything." in moderation("stats")
    assert "links" in moderation("stats", "--days", "10")


def test_statistics_count_what_was_posted_first_as_what_the_rule_made_of_it() -> None:
    place = room("after", conduct={"mode": "after"})
    settle(place, REJECTED, HELD, HELD + "2", HELD + "3")

    def counts(rule: str) -> tuple[int, int, int]:
        found = {stats.rule: stats for stats in rule_statistics.of_rules(place)}
        return found[rule].posted, found[rule].held, found[rule].rejected

    assert (counts("words"), counts("links")) == ((0, 0, 1), (0, 3, 0))
    first, second, _ = Review.objects.filter(state="open").order_by("pk")
    reviews.decide(first.pk, approve=True, by=None)
    reviews.decide(second.pk, approve=False, by=None)
    assert counts("links") == (1, 1, 1)


def test_sanction_mutes_times_out_and_bans(lobby: Room) -> None:
    said = moderation(
        "sanction", "--room", "lobby", "mute", "u7", "--minutes", "10", "--reason", "calm down"
    )
    muted = Sanction.objects.get()
    assert (muted.author_key, muted.kind, muted.reason) == ("u7", "mute", "calm down")
    assert muted.until is not None
    assert f"moderation lift {muted.pk}" in said
    moderation("sanction", "--room", "lobby", "ban", "gabc")
    assert Sanction.objects.get(kind="ban").until is None
    assert AuditEntry.objects.filter(action="sanction.ban", actor="operator").exists()
    for wrong in (("timeout", "u7"), ("mute", "mina"), ("mute", "u7", "--minutes", "0")):
        with pytest.raises(CommandError, match="Nothing was changed"):
            moderation("sanction", "--room", "lobby", *wrong)
    assert Sanction.objects.count() == 2


def test_lift_forgive_undo_and_purge(lobby: Room) -> None:
    sanction = sanctions.impose(lobby, "gabc", "mute")
    assert "lifted" in moderation("lift", str(sanction.pk))
    settle(lobby, REJECTED)
    assert "is forgiven" in moderation("forgive", str(Strike.objects.get().pk))
    row = posted(lobby)
    assert "1 messages are removed" in moderation("purge", "--room", "lobby", "gabc")
    row.refresh_from_db()
    assert row.removed_at is not None
    settle(lobby, HELD)
    review = Review.objects.get()
    reviews.decide(review.pk, approve=False, by=None)
    assert "open again" in moderation("undo", str(review.pk))
    assert list(reviews.queue()) == [review]
