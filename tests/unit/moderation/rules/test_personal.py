"""The rule on personal data: what a policy does about each kind, and what a verdict shows of it."""

import json

import pytest

from bus.moderation import POLICIES, Policy, judge, starred
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


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ("my password is 01012345678", "01012345678"),
        ("비밀번호는 01012345678", "01012345678"),
        ("my password is mina@mail.com", "mina@mail.com"),
    ],
)
def test_what_is_allowed_hides_nothing_that_is_masked(text: str, stars: str) -> None:
    verdict = judge(text, POLICIES["standard"])
    assert (verdict.action, verdict.masked) == ("mask", text.replace(stars, "*" * len(stars)))


@pytest.mark.parametrize(
    "parcel", ["123456789012", "4111111111111112", "212-000-0000", "7 000 000"]
)
@pytest.mark.parametrize(
    "secret",
    [
        CARD,
        NUMBER,
        "DE89 3704 0044 0532 0130 00",
        "900101-1234568",
        "220-81-62517",
        "cpf 390.533.447-05",
    ],
)
def test_many_numbers_before_it_hide_none(parcel: str, secret: str) -> None:
    room = policy("strict", business="mask")
    verdict = judge(f"parcel {parcel}, " * 60 + f"and {secret}", room)
    assert verdict.masked.endswith("*" * len(secret.removeprefix("cpf ")))


def test_many_keys_without_digits_hide_none() -> None:
    key = "ghp_ab" + "cdefghijklmnopqrstuvwxyz0123456789"
    text = ("ghp_" + "abcdefghij" * 3 + " ") * 25 + key
    assert judge(text, POLICIES["standard"]).masked.endswith(" " + "*" * len(key))


@pytest.mark.parametrize(
    "one", ["4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "12 Oak Street"]
)
def test_many_places_are_starred_to_the_last(one: str) -> None:
    # What another kind has taken in between leaves no gap.
    text = " then ".join([one] * 25) + " mail mina@mail.example " + one
    masked = judge(text, policy("strict")).masked
    assert set(masked[len(one) * 20 + 19 * 6 :]) <= set("* then")
    assert masked.endswith("*" * (len(one) + 1))


def test_what_is_too_long_is_read_for_personal_data_and_kept_without() -> None:
    text = f"my card {CARD} " + "and so on " * 200
    verdict = judge(text, POLICIES["standard"])
    assert (verdict.action, verdict.reason) == ("reject", "too_long")
    assert verdict.stored(text, held=False) == text.replace(CARD, "*" * len(CARD))
    assert "1111" not in json.dumps(verdict.as_json())
    assert judge(text, policy("off")).stored(text, held=False) == text


def test_what_is_far_too_long_is_kept_as_far_as_it_was_read() -> None:
    text = "and so on " * 500 + CARD
    verdict = judge(text, POLICIES["standard"])
    kept = verdict.stored(text, held=False)
    assert (verdict.reason, verdict.shown(text)) == ("too_long", kept)
    assert 3000 < len(kept) < 4000
    assert text.startswith(kept)
    assert "1111" not in json.dumps(verdict.as_json())
    across = "x " * 1890 + CARD + " and so on" * 100
    assert "1111" not in judge(across, POLICIES["standard"]).stored(across, held=False)
    assert "1111" not in starred(across, POLICIES["standard"])


def test_what_only_begins_like_an_account_is_none() -> None:
    assert judge("DE89 3704 0044 0532.가가@&0 00", policy("strict")).action == "allow"
