"""Links: what counts as one, and how much it hides."""

import time

import pytest

from bus.moderation import POLICIES, Context, Policy, judge


@pytest.mark.parametrize(
    "text",
    [
        "see https://docs.example/start",
        "look at wiki.example",
        "www.naver.com 봐",
        "http://münchen.example/",
    ],
)
def test_plain_links_are_held_only_by_strict(text: str) -> None:
    actions = [judge(text, POLICIES[name]).action for name in ("relaxed", "standard", "strict")]
    assert actions == ["allow", "allow", "hold"]


@pytest.mark.parametrize(
    "link",
    [
        "https://bit.ly/3abc",
        "tinyurl.com/free-skins",
        "discord.gg/cheats",
        "https://discord.com/invite/cheats",
        "https://t.me/+cheats",
        "hxxp://free.example",
        "free[.]example",
        "free dot com",
        "https://google.com@free.example/login",
        "http://paypa1.com",
        "https://rnicrosoft.com/login",
        "р\u0430ypal.com",
        "xn--pypal-4ve.com",
    ],
)
def test_links_that_hide_something_are_held_by_standard(link: str) -> None:
    verdict = judge(f"go to {link} now", POLICIES["standard"])
    assert (verdict.action, verdict.reason) == ("hold", "link")
    assert [hit.matched for hit in verdict.hits] == [link]


@pytest.mark.parametrize(
    "text",
    [
        "edit foo.py and run.sh",
        "e.g. this one",
        "version 1.2.3",
        "mail me@mail.example",
        "ok.Next one",
    ],
)
def test_dots_alone_are_no_links(text: str) -> None:
    assert {hit.rule for hit in judge(text, POLICIES["strict"]).hits} <= {"personal"}


def test_the_trusted_may_link() -> None:
    assert judge("bit.ly/x", POLICIES["strict"], Context(trusted=True)).action == "allow"


def test_the_full_stop_is_not_part_of_a_link() -> None:
    hits = judge("see wiki.example/page.", POLICIES["strict"]).hits
    assert [hit.matched for hit in hits] == ["wiki.example/page"]


def test_more_addresses_than_are_read_are_one_hit() -> None:
    text = "see a.example " * 50 + "b.example " * 20 + "bad.example"
    policy = Policy.from_parts(
        POLICIES["standard"],
        {"allow_hosts": ["a.example", "b.example"], "max_length": 5000, "max_links": 1000},
    )
    (hit,) = judge(text, policy).hits
    assert (hit.reason, hit.end, text[hit.start : hit.start + 9]) == (
        "spam",
        len(text),
        "b.example",
    )


ROOM = Policy.from_parts(
    POLICIES["standard"],
    {
        "deny_hosts": ["bad.example", "b\u00fccher.example", "evil.zip"],
        "allow_hosts": ["wiki.example", "paypal-fans.example"],
        "ladders": {"link": {"hold": 1, "reject": 4}},
    },
)


@pytest.mark.parametrize(
    "text",
    [
        "bad.example로 와",
        "http://bad.example로 와",
        "여기bad.example",
        "여기 sub.bad.example에서 봐",
        "http://bad.example./x",
        "bad。example",
        "come to bad . example now",
        "come to bad .example",
        "_bad.example",
        "http://good.com/?u=http://bad.example",
        "http://good.com/?u=http%3a%2f%2fbad.example%2f",
        "bücher.example",
        "BÜCHER.example/x",
        "get evil.zip now",
    ],
)
def test_a_denied_host_is_found_wherever_it_stands(text: str) -> None:
    hits = judge(text, ROOM).hits
    assert [hit.severity for hit in hits] == [4]


@pytest.mark.parametrize(
    "text",
    [
        "wiki.example에서 봐",
        "https://wiki.example로 오세요",
        "see http://wiki.example./x",
        "write to x@sub.bad.example",
        "too bad. example follows",
        "bad.example-no",
    ],
)
def test_what_is_allowed_or_only_looks_denied(text: str) -> None:
    assert {hit.rule for hit in judge(text, ROOM).hits} <= {"personal"}


def test_another_host_that_ends_alike_is_not_denied() -> None:
    assert [hit.severity for hit in judge("notbad.example bad.example.com", ROOM).hits] == [1, 1]


@pytest.mark.parametrize(
    "link",
    [
        "https://ptb.discord.com/invite/x",
        "discord。gg/abc",
        "discord . gg/abc",
    ],
)
def test_invitations_however_they_are_written(link: str) -> None:
    (hit,) = judge(f"join {link}", POLICIES["standard"]).hits
    assert (hit.severity, hit.matched) == (2, link)


@pytest.mark.parametrize(
    ("host", "severity"),
    [
        ("paypal.com.evil.ru", 3),
        ("naver.com.xyz", 3),
        ("secure-paypal.com", 3),
        ("discord-gift.com", 3),
        ("gooogle.com", 3),
        ("paypa1.com", 3),
        ("google.com.au", 1),
        ("amazon.co.kr", 1),
        ("microsoft.github.io", 1),
        ("discord.fandom.com", 1),
        ("google-analytics.com", 1),
        ("tos.com", 1),
    ],
)
def test_hosts_that_pose_as_another(host: str, severity: int) -> None:
    assert [hit.severity for hit in judge(f"see {host} now", POLICIES["standard"]).hits] == [
        severity
    ]


def test_an_allowed_host_poses_only_in_letters_of_another_script() -> None:
    policy = Policy.from_parts(ROOM, {"allow_hosts": ["login-paypal.example", "wiki.example"]})
    assert judge("see login-paypal.example", policy).hits == ()
    assert [hit.severity for hit in judge("see wik\u0456.example", policy).hits] == [3]


def test_long_texts_of_dots_take_little_time() -> None:
    for text in ("a." * 1000, "a . " * 500, "_a" * 1000, "%2f" * 660, "가a." * 660):
        began = time.process_time()
        judge(text, ROOM)
        assert time.process_time() - began < 0.05
