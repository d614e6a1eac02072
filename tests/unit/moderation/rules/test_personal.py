"""The rule on personal data: what a policy does about each kind, and what a verdict shows of it."""

import json

import pytest

from bus.moderation import POLICIES, Policy, judge
from bus.moderation.personal.kinds import KINDS

NUMBER = "010-2345-6789"
CARD = "4111 1111 1111 1111"


def policy(base: str = "standard", **personal: str) -> Policy:
    return Policy.from_parts(POLICIES[base], {"personal": personal})


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("off", []),
        ("relaxed", ["card", "resident", "api_key", "private_key"]),
        (
            "standard",
            ["card", "resident", "api_key", "private_key", "iban", "national_id", "password"],
        ),
        ("strict", [kind for kind in KINDS if kind != "business"]),
    ],
)
def test_what_each_policy_masks(name: str, masked: list[str]) -> None:
    acts = {kind: POLICIES[name].personal.get(kind, "allow") for kind in KINDS}
    assert acts == {kind: "mask" if kind in masked else "allow" for kind in KINDS}


def test_what_is_off_is_told_and_stands() -> None:
    verdict = judge(f"call {NUMBER}", policy(phone="off"))
    assert (verdict.action, verdict.masked) == ("allow", f"call {NUMBER}")
    (hit,) = verdict.as_json()["rules"]
    assert (hit["rule"], hit["kind"], hit["start"], hit["end"]) == ("personal", "phone", 5, 18)


def test_what_is_masked_is_shown_nowhere() -> None:
    text = f"pay me with {CARD} today"
    verdict = judge(text, POLICIES["standard"])
    stars = "pay me with ******************* today"
    assert (verdict.action, verdict.reason, verdict.masked) == ("mask", "personal", stars)
    assert verdict.stored(text, held=False) == verdict.shown(text) == stars
    assert "1111" not in json.dumps(verdict.as_json())


def test_what_is_held_waits_as_it_was_written_and_is_shown_starred() -> None:
    text = f"call {NUMBER}, card {CARD}"
    verdict = judge(text, policy(phone="hold"))
    assert (verdict.action, verdict.reason, verdict.holds_personal) == ("hold", "personal", True)
    stars = "*" * len(CARD)
    assert verdict.stored(text, held=True) == f"call {NUMBER}, card {stars}"
    assert verdict.shown(text) == f"call *************, card {stars}"
    assert verdict.stored(text, held=False) == verdict.shown(text)


def test_hits_of_other_rules_show_none_of_it() -> None:
    room = Policy.from_parts(
        POLICIES["standard"], {"personal": {"phone": "mask"}, "patterns": [r"call .*"]}
    )
    text = f"please call {NUMBER} now"
    verdict = judge(text, room)
    assert {hit.rule for hit in verdict.hits} >= {"patterns", "personal"}
    assert verdict.action == "reject"
    assert "2345" not in json.dumps(verdict.as_json())
    assert verdict.stored(text, held=False) == "please call ************* now"


def test_what_the_room_allows_is_none() -> None:
    room = Policy.from_parts(
        POLICIES["strict"], {"allowed": ["help@shop.example"], "personal": {"email": "mask"}}
    )
    verdict = judge("write to help@shop.example or mina@mail.example", room)
    assert [hit.start for hit in verdict.hits if hit.rule == "personal"] == [30]


def test_disguised_digits_are_starred_where_they_were_written() -> None:
    verdict = judge("call ０１０-２３４５-６７８９ ok", policy(phone="mask"))
    assert verdict.masked == "call ************* ok"


def test_a_list_of_numbers_is_starred_to_its_end() -> None:
    text = " and ".join(f"010-2345-{n:04}" for n in range(6000, 6060))
    assert set(judge(text, policy(phone="mask")).masked) <= set("* and")


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"personal": {"shoe": "mask"}}, "personal: no kind 'shoe'; there are phone"),
        ({"personal": {"phone": "reject"}}, "personal: phone: no action 'reject'"),
        ({"personal": ["phone"]}, "personal: an object of kinds"),
        ({"ladders": {"personal": {"mask": 1}}}, "ladders: personal: it has a part of its own"),
    ],
)
def test_a_wrong_part_is_refused(parts: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError) as refusal:
        Policy.from_parts(POLICIES["standard"], parts)
    assert str(refusal.value).startswith(why)
