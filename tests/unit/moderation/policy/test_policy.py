"""Policies, part by part: what a room may change, what is refused, and what each part does."""

import json
from dataclasses import fields, replace

import pytest

from bus.moderation import POLICIES, ActionThresholds, Context, ModelThresholds, Policy, judge
from bus.moderation.policy.policy import PARTS

RULES = replace(POLICIES["standard"], model=None)


def changed(**parts: object) -> Policy:
    return Policy.from_parts(RULES, parts)


def test_a_part_is_changed_and_the_rest_stays() -> None:
    policy = changed(max_mentions=1, ladders={"link": {"hold": 1}})
    assert (policy.name, policy.max_mentions, policy.max_links) == ("standard", 1, RULES.max_links)
    assert policy.ladders["link"] == ActionThresholds(hold=1)
    assert policy.ladders["blocked_word"] == RULES.ladders["blocked_word"]


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_parts_written_as_json_read_as_the_same_policy(name: str) -> None:
    policy = Policy.from_parts(
        POLICIES[name],
        {"words": ["zork*"], "patterns": ["a+b"], "exempt": ["owner"], "deny_hosts": ["a.example"]},
    )
    parts = json.loads(json.dumps(policy.as_parts()))
    assert replace(Policy.from_parts(POLICIES["off"], parts), name=name) == policy


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"colour": 1}, "no part 'colour'"),
        ({"max_links": "many"}, "max_links: a whole number"),
        ({"max_links": True}, "max_links: a whole number"),
        ({"max_length": 0}, "max_length: a whole number from 1"),
        ({"words": "zork"}, "words: a list of strings"),
        ({"words": [""]}, "words: word 1 is empty"),
        ({"words": ["a", "**"]}, "words: word 2 is empty"),
        ({"words": ["\u200b"]}, "words: word 1 is empty"),
        ({"words": ["a"] * 10_001}, "words: 10,001 words, 10,000 at most"),
        ({"allowed": ["x" * 101]}, "allowed: word 1 has 101 characters"),
        ({"patterns": ["(a"]}, "patterns: pattern 1 is refused: missing )"),
        ({"patterns": ["(?=a)"]}, "patterns: pattern 1 is refused"),
        ({"patterns": ["a*"]}, "patterns: pattern 1 would match everything"),
        ({"patterns": ["a", "\ud800"]}, "patterns: string 2 holds U+D800"),
        ({"words": ["a\0b"]}, "words: string 1 holds U+0000"),
        ({"words": ["a\udcffb"]}, "words: string 1 holds U+DCFF"),
        ({"allowed": ["a\x85b"]}, "allowed: string 1 holds U+0085"),
        ({"allow_hosts": ["a\0.example"]}, "allow_hosts: string 1 holds U+0000"),
        ({"patterns": ["a"] * 101}, "patterns: 101 patterns, 100 at most"),
        ({"deny_hosts": ["https://a.example/"]}, "deny_hosts: not the name of a host"),
        ({"exempt": ["owner", "moderater"]}, "exempt: no role 'moderater'; there are owner, mod"),
        ({"exempt": ["owner\0"]}, "exempt: string 1 holds U+0000"),
        ({"exempt": "owner"}, "exempt: a list of strings"),
        ({"ladders": {"smell": {"hold": 1}}}, "ladders: no reason 'smell'"),
        ({"ladders": {"link": {"explode": 1}}}, "ladders: link: no action 'explode'"),
        ({"ladders": {"link": {"hold": 9}}}, "ladders: link: a whole number from 1 to 5"),
        ({"ladders": {"model": {"reject": 1}}}, "ladders: model: no action 'reject'"),
        ({"model": {"alert": 2, "hold": 0.5}}, "model: alert: a number"),
        ({"model": 0.5}, "model:"),
    ],
)
def test_a_wrong_part_is_refused_by_name(parts: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError) as refusal:
        Policy.from_parts(RULES, parts)
    assert str(refusal.value).startswith(reason)


def test_the_model_may_be_switched_off_and_never_hold() -> None:
    assert Policy.from_parts(POLICIES["standard"], {"model": None}).model is None
    policy = changed(model={"alert": 0.9, "hold": None})
    assert policy.model is not None
    assert policy.model.hold > 1
    assert policy.model == ModelThresholds(alert=0.9, hold=policy.model.hold)


def test_exempt_roles_are_judged_by_length_alone() -> None:
    policy = changed(exempt=["owner"], max_length=20)
    assert judge("fuck bit.ly/x", policy, Context(role="owner")).action == "allow"
    assert judge("fuck bit.ly/x", policy, Context(role="member")).action == "reject"
    assert judge("a" * 21, policy, Context(role="owner")).reason == "too_long"


def test_hosts_that_are_allowed_and_denied_with_all_below_them() -> None:
    policy = changed(
        allow_hosts=["wiki.example"], deny_hosts=["*.bad.example"], ladders={"link": {"hold": 1}}
    )
    assert judge("see en.wiki.example/a", policy).action == "allow"
    assert judge("see notwiki.example/a", policy).action == "hold"
    denied = judge("see www.bad.example now", POLICIES["standard"]), judge("bad.example", policy)
    assert [verdict.hits[0].severity for verdict in denied] == [1, 4]


def test_more_links_than_may_be() -> None:
    links = "a.example b.example c.example"
    assert judge(links, changed(max_links=3)).action == "allow"
    verdict = judge(links, changed(max_links=2))
    assert (verdict.action, verdict.reason, verdict.hits[-1].matched) == (
        *("hold", "spam"),
        "c.example",
    )


def test_new_members_have_limits_of_their_own() -> None:
    policy = changed(new_seconds=3600, new_max_links=0, new_max_mentions=1)
    new, old = Context(account_age=60.0), Context(account_age=7200.0)
    assert judge("see a.example", policy, new).reason == "spam"
    assert judge("@ann @bob", policy, new).reason == "mentions"
    for text in ("see a.example", "@ann @bob"):
        assert judge(text, policy, old).action == "allow"
        assert judge(text, policy).action == "allow"


def test_a_link_in_the_first_message_waits_for_a_person() -> None:
    assert judge("hi, see a.example", RULES, Context(first_message=True)).action == "hold"


def test_raid_mode_holds_young_accounts() -> None:
    policy = changed(raid_seconds=3600)
    verdict = judge("hello", policy, Context(account_age=60.0))
    assert (verdict.action, verdict.reason, verdict.masked) == ("hold", "new_member", "hello")
    assert judge("hello", policy, Context(account_age=7200.0)).action == "allow"
    assert judge("hello", policy).action == "allow"


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_raid_mode_holds_under_every_policy(name: str) -> None:
    policy = Policy.from_parts(POLICIES[name], {"raid_seconds": 3600})
    verdict = judge("hello", policy, Context(account_age=60.0))
    assert (verdict.action, verdict.reason, len(verdict.hits)) == ("hold", "new_member", 1)
    assert judge("hello", policy, Context(account_age=7200.0)).hits == ()


def test_off_finds_nothing_but_what_it_acts_on() -> None:
    policy = Policy.from_parts(POLICIES["off"], {"raid_seconds": 3600})
    verdict = judge("fuck bit.ly/x", policy, Context(account_age=60.0))
    assert [hit.rule for hit in verdict.hits] == ["newcomers"]
    assert judge("fuck bit.ly/x", policy, Context(account_age=7200.0)).hits == ()
    read = Policy.from_parts(POLICIES["off"], {"ladders": {"link": {"hold": 1}}})
    assert judge("see bit.ly/x", read).action == "hold"


def test_strikes_turn_an_alert_into_a_hold() -> None:
    policy = changed(strikes_to_hold=2)
    assert judge("you are stupid", policy, Context(strikes=1)).action == "alert"
    assert judge("you are stupid", policy, Context(strikes=2)).action == "hold"
    assert judge("hello", policy, Context(strikes=2)).action == "allow"


def test_a_flood_is_held() -> None:
    policy = changed(flood_messages=3, flood_seconds=10)
    assert judge("hi", policy, Context(ages=(1.0, 4.0, 9.0))).reason == "flood"
    assert judge("hi", policy, Context(ages=(1.0, 4.0, 11.0))).action == "allow"
    assert judge("hi", policy, Context(ages=(1.0, 4.0, 9.0), trusted=True)).action == "allow"


def test_capitals_and_emoji_as_the_room_likes() -> None:
    policy = changed(
        max_capitals=50, max_emoji=2, ladders={"capitals": {"mask": 1}, "emoji": {"hold": 1}}
    )
    assert judge("WHY IS NOBODY HEALING", policy).reason == "capitals"
    assert judge("OMG NASA HTTP", policy).action == "allow"
    assert judge("nice 🎉🎉👩\u200d💻", policy).reason == "emoji"
    assert judge("nice 🎉👩\u200d💻", policy).action == "allow"
    assert judge("nice 🎉🇰🇷", policy).action == "allow"


def test_every_field_that_a_policy_is_made_of_can_be_read_from_json() -> None:
    taken = [part.name for part in fields(Policy) if part.init and part.name != "name"]
    assert list(PARTS) == taken


@pytest.mark.parametrize(
    ("stored", "now"),
    [
        ({"reject": 3}, ActionThresholds(hold=3)),
        ({"mask": 2, "reject": 4}, ActionThresholds(hold=2)),
        ({"alert": 1, "hold": 3, "reject": None}, ActionThresholds(alert=1, hold=3)),
        ({"alert": 1}, ActionThresholds(alert=1)),
    ],
)
def test_what_a_room_did_about_self_harm_is_what_it_may_do_about_crisis(
    stored: dict[str, int], now: ActionThresholds
) -> None:
    policy = changed(ladders={"self_harm": stored, "blocked_word": {"reject": 1}})
    assert policy.ladders["crisis"] == now
    assert policy.ladders["blocked_word"] == ActionThresholds(reject=1)
    both = changed(ladders={"crisis": {"alert": 2}, "self_harm": stored})
    assert both.ladders["crisis"] == ActionThresholds(alert=2)
