"""What a room is judged by: its base policy, what it changes of it, and what it does around it."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bus.chat import room_rights, rooms
from bus.enforcement import author_context, room_policies
from bus.models import AuditEntry, Review, Room
from bus.moderation import Context, judge
from bus.posting import catch_up
from bus.posting.domain_events import Opened, Removed
from bus.protocol.errors import Conflict, Invalid, NotFound
from tests.support.factories import (
    CLEAN,
    GUEST_VISITOR,
    HELD,
    REJECTED,
    room,
    seqs,
    settle,
)

pytestmark = pytest.mark.django_db(transaction=True)
# Each of them is taken by RE2; together they take a worker a tenth of a second for one long text.
SLOW = [f"(a|b)*a(a|b){{{size}}}q" for size in range(5, 105)]


@pytest.fixture
def lobby() -> Room:
    return room()


def outcomes(place: Room, *bodies: str) -> list[str]:
    return [settled.row.status for settled in settle(place, *bodies) if settled.row]


def test_a_room_changes_parts_of_its_policy(lobby: Room) -> None:
    assert outcomes(lobby, "free gold coins", REJECTED) == ["posted", "rejected"]
    parts = {"words": ["gold coins"], "allowed": ["what the fuck"]}
    changed = room_policies.change(lobby.pk, by=None, parts=parts)
    assert outcomes(changed, "free gold coins", REJECTED) == ["rejected", "posted"]
    assert room_policies.of_room(lobby).words == ()


def test_a_change_is_in_the_log_and_nothing_is_not(lobby: Room) -> None:
    mina = User.objects.create_user("mina")
    room_policies.change(lobby.pk, by=mina, parts={"max_links": 1}, reason="adverts")
    room_policies.change(lobby.pk, by=mina, parts={"max_links": 1})
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason) == ("policy.changed", "adverts")
    assert entry.details == {"version": 1, "policy_parts": [{}, {"max_links": 1}]}
    assert entry.undo == "moderation policy --room lobby --undo 1"
    assert Room.objects.get().policy_version == 1


def test_a_change_is_undone_and_later_ones_stay(lobby: Room) -> None:
    room_policies.change(lobby.pk, by=None, parts={"max_links": 5}, ways={"hide_reports": 5})
    room_policies.change(
        lobby.pk,
        by=None,
        moderation="strict",
        parts={"max_links": 1, "words": ["zork"]},
        ways={"mode": "after"},
        reset=["hide_reports"],
        slow_mode=30,
    )
    room_policies.change(lobby.pk, by=None, parts={"max_emoji": 3})
    undone = room_policies.undo(lobby.pk, 2, by=None)
    assert (undone.moderation, undone.slow_mode) == ("standard", 0)
    assert undone.policy_parts == {"max_links": 5, "max_emoji": 3}
    assert undone.conduct == {"hide_reports": 5}
    again = room_policies.undo(lobby.pk, 4, by=None, reason="they were right")
    assert (again.moderation, again.slow_mode, again.conduct) == ("strict", 30, {"mode": "after"})
    assert again.policy_parts == {"max_links": 1, "words": ["zork"], "max_emoji": 3}
    told = [entry.reason for entry in AuditEntry.objects.order_by("pk")]
    assert told == ["", "", "", "undoes version 2", "they were right"]
    with pytest.raises(NotFound, match="version 9"):
        room_policies.undo(lobby.pk, 9, by=None)


def test_the_log_keeps_long_lists_whole_and_copies_none_that_stays(lobby: Room) -> None:
    words = [f"word number {number}" for number in range(2_000)]
    room_policies.change(lobby.pk, by=None, parts={"words": words})
    room_policies.raid(lobby.pk, 60, by=None)
    assert AuditEntry.objects.get(details__version=2).details["policy_parts"] == [
        {},
        {"raid_seconds": 60},
    ]
    room_policies.change(lobby.pk, by=None, reset=["words"])
    assert room_policies.undo(lobby.pk, 3, by=None).policy_parts == {
        "words": words,
        "raid_seconds": 60,
    }


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"moderation": "severe"}, "severe"),
        ({"parts": {"nonsense": 1}}, "nonsense"),
        ({"parts": {"words": [""]}}, "words"),
        ({"parts": {"words": ["a\0b"]}}, "words: string 1 holds"),
        ({"parts": {"deny_hosts": ["a\ud800b"]}}, "deny_hosts: string 1 holds"),
        ({"parts": {"exempt": ["moderater"]}}, "owner, moderator, member, guest"),
        ({"ways": {"\ud800": 1}}, "valid string"),
        ({"ways": {"held_expires": "post\0"}}, "held_expires"),
        ({"parts": {"patterns": ["(a"]}}, "patterns"),
        ({"parts": {"patterns": [r"(a)\1"]}}, "patterns"),
        ({"parts": {"patterns": SLOW}}, "slowest is pattern"),
        ({"parts": {"words": ["word"] * 1_000_000}}, "words"),
        ({"parts": {"flood_messages": 500}}, "flood_messages"),
        ({"ways": {"mode": "sometimes"}}, "mode"),
        ({"ways": {"nonsense": 1}}, "nonsense"),
        ({"ways": {"held_minutes": -1}}, "held_minutes"),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(
    lobby: Room, values: dict[str, Any], named: str
) -> None:
    with pytest.raises(Invalid, match=named):
        room_policies.change(lobby.pk, by=None, **values)
    stored = Room.objects.get()
    assert (stored.policy_version, stored.policy_parts, stored.conduct) == (0, {}, {})


def test_changes_of_several_people_are_put_together(lobby: Room) -> None:
    room_policies.change(lobby.pk, by=None, parts={"words": ["zork"]}, ways={"mode": "after"})
    room_policies.raid(lobby.pk, 3600, by=None)
    changed = room_policies.change(
        lobby.pk, by=None, ways={"hide_reports": 5}, reset=["words", "ladder"]
    )
    assert changed.policy_parts == {"raid_seconds": 3600}
    assert changed.conduct == {"mode": "after", "hide_reports": 5}


def test_whole_rules_are_put_only_over_those_that_were_read(lobby: Room) -> None:
    rules: dict[str, Any] = {"moderation": "strict", "parts": {}, "ways": {}, "slow_mode": 5}
    room_policies.raid(lobby.pk, 3600, by=None)
    with pytest.raises(Conflict, match="Somebody else"):
        room_policies.put(lobby.pk, by=None, version=0, **rules)
    put = room_policies.put(lobby.pk, by=None, version=1, **rules)
    assert (put.moderation, put.policy_parts, put.slow_mode) == ("strict", {}, 5)


@pytest.mark.parametrize("name", ["wrods", "slow_mode"])
def test_what_cannot_be_reset_is_named_with_what_can(lobby: Room, name: str) -> None:
    with pytest.raises(Invalid, match=rf"'{name}'; there are .*\bhide_reports\b.*\bwords\b"):
        room_policies.change(lobby.pk, by=None, reset=["words", name])


def test_what_an_older_version_stored_can_be_reset(lobby: Room) -> None:
    Room.objects.update(policy_parts={"gone": 1})
    assert room_policies.change(lobby.pk, by=None, reset=["gone"]).policy_parts == {}


def test_slow_patterns_that_are_stored_stop_nobody_from_changing_the_rest(lobby: Room) -> None:
    Room.objects.update(policy_parts={"patterns": SLOW})
    assert room_policies.raid(lobby.pk, 60, by=None).policy_parts["raid_seconds"] == 60
    with pytest.raises(Invalid, match="slowest"):
        room_policies.change(lobby.pk, by=None, parts={"patterns": [*SLOW[:99], "zork"]})


def test_a_room_that_is_gone_has_no_policy_to_change() -> None:
    with pytest.raises(NotFound):
        room_policies.change(999_999, by=None, parts={})


def test_stored_rules_that_do_not_hold_any_more_leave_the_rest(
    lobby: Room, caplog: pytest.LogCaptureFixture
) -> None:
    parts = {"gone": 1, "exempt": ["moderater"], "words": ["zork"]}
    Room.objects.update(policy_parts=parts, conduct={"gone": 1}, policy_version=9)
    (stored,) = rooms.by_names(["lobby"])
    assert outcomes(stored, CLEAN, REJECTED, "zork") == ["posted", "rejected", "rejected"]
    assert "no role 'moderater'" in caplog.text
    assert "does not hold" in caplog.text


def test_a_batch_asks_for_no_policy_that_is_known(lobby: Room) -> None:
    def ask() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            for found in rooms.by_names(["lobby"]):
                room_policies.rules_of(found)
        return [query["sql"] for query in queries]

    room_policies.forget()
    assert len(ask()) == 2
    (only,) = ask()
    assert "policy_parts" not in only
    room_policies.change(lobby.pk, by=None, parts={"max_links": 1})
    assert len(ask()) == 2


def test_raid_mode_holds_young_accounts_until_it_is_off(lobby: Room) -> None:
    old = User.objects.create_user("old", date_joined=timezone.now() - dt.timedelta(days=3))
    new = User.objects.create_user("new")
    authors = {f"u{old.pk}": [CLEAN], f"u{new.pk}": [CLEAN], "gabc": [CLEAN], "sbot": [CLEAN]}
    (known,) = {place.account_age for place in author_context.of_authors({lobby: authors}).values()}
    assert known is None
    raided = room_policies.raid(lobby.pk, 3600, by=None)
    found = author_context.of_authors({raided: authors})
    ages = [found[lobby.pk, key].account_age for key in authors]
    assert ages[0] is not None
    assert ages[0] > 2 * 24 * 3600
    assert ages[1] is not None
    assert ages[1] < 60
    assert ages[2:] == [0.0, None]
    calm = room_policies.raid(lobby.pk, 0, by=None)
    assert room_policies.of_room(calm).raid_seconds == 0


def test_raid_mode_holds_where_the_policy_is_off(lobby: Room) -> None:
    raided = room_policies.change(lobby.pk, by=None, moderation="off", parts={"raid_seconds": 3600})
    (known,) = author_context.of_authors({raided: {"gabc": [CLEAN]}}).values()
    verdict = judge(CLEAN, room_policies.of_room(raided), Context(account_age=known.account_age))
    assert (verdict.action, verdict.reason) == ("hold", "new_member")


def test_what_is_known_of_authors(lobby: Room) -> None:
    mina = User.objects.create_user("mina")
    lobby.members.create(user=mina, role="owner")
    room_policies.change(lobby.pk, by=None, parts={"strikes_to_hold": 2})
    lobby.refresh_from_db()
    settle(lobby, REJECTED, REJECTED)
    found = author_context.of_authors(
        {lobby: {f"u{mina.pk}": ["see a.example"], "gabc": ["see a.example"], "u999999": ["hi"]}}
    )
    owner, guest, unknown = found.values()
    assert (owner.role, owner.trusted, owner.first_message) == ("owner", True, True)
    # What was refused or is held makes nobody known.
    assert (guest.role, guest.trusted, guest.first_message, guest.strikes) == (
        "guest",
        False,
        True,
        2,
    )
    assert (unknown.role, unknown.first_message) == ("member", False)


def test_a_first_link_that_is_held_or_taken_out_is_first_again(lobby: Room) -> None:
    def first(place: Room, key: str) -> bool:
        return author_context.of_authors({place: {key: ["see a.example"]}})[
            place.pk, key
        ].first_message

    settle(lobby, HELD)
    after = room("after", conduct={"mode": "after"})
    settle(after, HELD)
    assert (first(lobby, "gabc"), first(after, "gabc")) == (True, True)
    settle(lobby, CLEAN)
    settle(after, CLEAN)
    assert (first(lobby, "gabc"), first(after, "gabc")) == (False, False)


def test_after_posting_what_may_not_stand_is_taken_out_again() -> None:
    place = room(conduct={"mode": "after"})
    rejected, held, fine = settle(place, REJECTED, HELD, CLEAN)
    assert [s.row and (s.row.status, s.row.seq, s.row.changed) for s in (rejected, held, fine)] == [
        ("posted", 1, 2),
        ("posted", 3, 4),
        ("posted", 5, 5),
    ]
    assert seqs(place) == [1, 2, 3, 4, 5]
    assert [type(event) for event in rejected.domain_events] == [Removed, Opened]
    assert [(m.seq, m.body) for m in catch_up.recover(place.pk, 0).messages] == [
        (1, ""),
        (3, ""),
        (5, CLEAN),
    ]
    assert [(r.state, r.hidden) for r in Review.objects.order_by("pk")] == [
        ("rejected", True),
        ("open", True),
    ]


def test_refusals_are_refused_after_posting_too() -> None:
    place = room(conduct={"mode": "after"}, archived_at=timezone.now())
    assert outcomes(place, CLEAN) == ["rejected"]


def test_exempt_roles_are_judged_by_nothing_but_length(lobby: Room) -> None:
    room_policies.change(lobby.pk, by=None, parts={"exempt": ["member"]})
    lobby.refresh_from_db()
    assert "member" in room_policies.of_room(lobby).exempt


def test_names_are_judged_at_sign_up_and_where_rooms_are_made(settings: Any) -> None:
    settings.BUS_OPEN_ROOMS = True
    with pytest.raises(NotFound):
        room_rights.enter("fuck_you", GUEST_VISITOR)
    assert not Room.objects.exists()
    fields = {"password1": "long-and-odd-7", "password2": "long-and-odd-7"}
    answer = Client().post("/accounts/signup/", {**fields, "username": "fuck_you"})
    assert answer.status_code == 200
    assert b"This name is not allowed here." in answer.content
    assert Client().post("/accounts/signup/", {**fields, "username": "mina"}).status_code == 302
    assert [user.username for user in User.objects.all()] == ["mina"]
