"""Hosts that pose as others, and good ones that look alike."""

import pytest

from bus.moderation import POLICIES, judge

POSING = [
    "metamask-io.app",
    "https://metamask-io.app/restore",
    "wallet-metamask.io",
    "trezor-suite.top",
    "roblox.com.ge",
    "https://roblox.com.ge/users/1/profile",
    "apple.com-id.support",
    "https://apple.com-id.support/find",
    "com-verify.site",
    "paypa1.com",
    "g00gle.com",
    "rnicrosoft.com",
    "gooogle.com",
    "netfl1x.com",
    "arnazon.com",
    "steamcornmunity.com",
    "secure-paypal.com",
    "discord-nitro.com",
    "steam-trade.net",
    "amazon-support.org",
    "naver-login.com",
    "kakao-pay.shop",
    "google.com.evil.net",
    "paypal.com.login.xyz",
    "telegram.icu",
    "binance.top",
    "coinbase.support",
    "https://google.com@evil.example/x",
    "http://185.23.41.7/login",
    "http://3232235777/",
    "http://0xc0a80101/",
    "javascript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "раypal.com",
    "gооgle.com",
    "xn--pypal-4ve.com",
    "netflix-billing.com",
    "coupang-event.kr",
    "upbit-kr.com",
    "instagram-help.center",
]
GOOD = [
    "telegram.org",
    "web.telegram.org",
    "t.me/durov",
    "google.com",
    "mail.google.com",
    "google.com.tr",
    "google.co.kr",
    "amazon.co.uk",
    "amazon.com.br",
    "apple.com",
    "support.apple.com",
    "paypal.com",
    "github.com/django",
    "github.io",
    "naver.com",
    "blog.naver.com",
    "naver.me",
    "kakao.com",
    "pf.kakao.com",
    "discord.com",
    "discord.gift",
    "steamcommunity.com",
    "store.steampowered.com",
    "roblox.com",
    "microsoft.com",
    "login.microsoftonline.com",
    "netflix.com",
    "coinbase.com",
    "binance.com",
    "twitch.tv/x",
    "youtube.com",
    "youtu.be/x",
    "wikipedia.org",
    "docs.python.org",
    "djangoproject.com",
    "apple-pie.com",
    "steam-engine.org",
    "amazon-rainforest.org",
    "pineapple.com",
    "google-analytics.com",
    "http://127.0.0.1:8000/",
    "http://192.168.0.1/",
    "metamask.io",
    "opensea.io",
    "ledger.com",
    "spotify.com",
    "phantom.app",
]


@pytest.mark.parametrize("host", POSING)
def test_a_host_that_poses_is_held(host: str) -> None:
    verdict = judge(f"go to {host} now", POLICIES["standard"])
    assert (verdict.action, verdict.reason) == ("hold", "link")


@pytest.mark.parametrize("host", GOOD)
def test_a_good_host_passes(host: str) -> None:
    text = f"have a look at {host} when you can, it has all that you asked about yesterday"
    assert judge(text, POLICIES["standard"]).action == "allow"


@pytest.mark.parametrize(
    "text",
    ["data: a, b and c", "javascript: the good parts", "version 10.0.0.1 is out", "data:none"],
)
def test_words_before_a_colon_are_no_addresses(text: str) -> None:
    assert judge(text, POLICIES["standard"]).action == "allow"


def test_there_are_enough_of_both() -> None:
    assert len(POSING) >= 40
    assert len(GOOD) >= 45
