"""Links: what counts as one, and how much it hides."""

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
    assert judge(text, POLICIES["strict"]).action == "allow"


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
