"""Guessing passwords: stopped, without locking out those whose names or addresses are abused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import axes.handlers.proxy
import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.support.wait import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]

RIGHT = "a-good-pass-1"
HOME, SCHOOL, FAR = "203.0.113.5", "198.51.100.7", "2001:db8:5:6::1"
PAGES = ["/accounts/login/", "/admin/login/"]


@pytest.fixture
def mina() -> User:
    return User.objects.create_user("mina", password=RIGHT, is_staff=True)


def attempt(name: str, password: str, address: str, page: str = PAGES[0], **head: str) -> Any:
    client = Client(headers={"accept-language": "en"} | head, REMOTE_ADDR=address)
    return client.post(page, {"username": name, "password": password})


def status(*args: str, **head: str) -> int:
    return int(attempt(*args, **head).status_code)


@pytest.mark.parametrize("page", PAGES)
def test_sixty_wrong_passwords_are_no_way_to_the_right_one(mina: User, page: str) -> None:
    codes = [status("mina", f"wrong-{n}", HOME, page) for n in range(60)]
    assert codes[:9] == [200] * 9
    assert codes[10:] == [429] * 50
    refused = attempt("mina", RIGHT, HOME, page)
    assert refused.status_code == 429
    assert 590 <= int(refused["Retry-After"]) <= 600
    assert "Try again in 10 minutes." in refused.content.decode()
    # Nobody else at that address is, and mina nowhere else.
    User.objects.create_user("sora", password=RIGHT, is_staff=True)
    assert status("sora", RIGHT, HOME, page) == 302
    assert status("mina", RIGHT, FAR, page) == 302


def test_many_at_once_are_no_way_around(mina: User) -> None:
    with ThreadPoolExecutor(8) as threads:
        codes = list(threads.map(lambda n: status("mina", f"wrong-{n}", HOME), range(40)))
    assert codes.count(200) <= 10
    assert codes.count(429) >= 30


def test_the_lock_ends_and_a_right_password_forgets_what_was_wrong(
    mina: User, settings: Any
) -> None:
    settings.BUS_SIGN_IN_ATTEMPTS, settings.BUS_SIGN_IN_PAUSE = 3, 2.0
    for _ in range(3):
        assert status("mina", "wrong", HOME) == 200
        assert status("mina", "wrong", HOME) == 200
        assert status("mina", RIGHT, HOME) == 302
    assert not AccessAttempt.objects.exists()
    assert [status("mina", "wrong", HOME) for _ in range(4)] == [200, 200, 429, 429]
    wait = attempt("mina", RIGHT, HOME)["Retry-After"]
    assert 1 <= int(wait) <= 2


def test_the_lock_ends_though_the_machines_clock_is_set_back(
    mina: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BUS_SIGN_IN_ATTEMPTS, settings.BUS_SIGN_IN_PAUSE = 2, 2.0
    assert [status("mina", "wrong", HOME) for _ in range(3)] == [200, 429, 429]

    def an_hour_ago(now: Callable[[], dt.datetime] = timezone.now) -> dt.datetime:
        return now() - dt.timedelta(hours=1)

    monkeypatch.setattr(timezone, "now", an_hour_ago)
    monkeypatch.setattr(axes.handlers.proxy, "now", an_hour_ago)
    assert int(attempt("mina", RIGHT, HOME)["Retry-After"]) <= 2
    until(lambda: status("mina", RIGHT, HOME) == 302, "the end of the pause")


def test_a_whole_ipv6_network_is_one_place(mina: User) -> None:
    codes = [status("mina", "wrong", f"2001:db8:1:2::{n:x}") for n in range(1, 14)]
    assert codes[-3:] == [429] * 3
    assert status("mina", RIGHT, "2001:db8:1:3::1") == 302


def test_a_school_behind_one_address_is_not_locked_out_by_one_of_it(
    mina: User, settings: Any
) -> None:
    settings.BUS_SIGN_IN_ADDRESS_RATE = "20/h"
    assert status("mina", RIGHT, SCHOOL) == 302
    codes = [status(f"name-{n}", "wrong", SCHOOL) for n in range(30)]
    assert (codes[:20], codes[20:]) == ([200] * 20, [429] * 10)
    # Who was there before may, with a typo, too; who guesses her name there is stopped.
    assert status("mina", "wrong", SCHOOL) == 200
    assert status("mina", RIGHT, SCHOOL) == 302
    assert [status("mina", "wrong", SCHOOL) for _ in range(12)][-2:] == [429, 429]


def test_guesses_of_one_name_from_many_addresses_do_not_lock_its_owner_out(
    mina: User, settings: Any
) -> None:
    settings.BUS_SIGN_IN_NAME_RATE = "20/h"
    assert status("mina", RIGHT, HOME) == 302
    codes = [status("mina", "wrong", f"198.51.100.{n}") for n in range(40)]
    assert (codes[:20], codes[20:]) == ([200] * 20, [429] * 20)
    assert status("mina", RIGHT, "198.51.100.99") == 429
    assert status("mina", RIGHT, HOME) == 302


def test_behind_a_named_proxy_the_address_counts_that_it_tells(mina: User, settings: Any) -> None:
    settings.BUS_TRUSTED_PROXIES = ["127.0.0.1"]
    for _ in range(12):
        last = status("mina", "wrong", "127.0.0.1", **{"x-forwarded-for": f"1.2.3.4, {HOME}"})
    assert last == 429
    assert status("mina", RIGHT, "127.0.0.1", **{"x-forwarded-for": FAR}) == 302
    # Nobody whose proxy is not named chooses an address.
    for n in range(12):
        last = status("mina", "wrong", SCHOOL, **{"x-forwarded-for": f"8.8.8.{n}"})
    assert last == 429


def test_the_answer_is_korean_where_the_browser_asks_for_it(mina: User) -> None:
    for _ in range(11):
        page = attempt("mina", "wrong", HOME, **{"accept-language": "ko"})
    assert "10분 뒤에 다시 해 보세요" in page.content.decode()


def test_without_a_broker_a_name_is_locked_for_an_address_all_the_same(
    mina: User, settings: Any
) -> None:
    from tests.support.api_caller import lose_broker

    lose_broker(settings)
    codes = [status("mina", "wrong", HOME) for _ in range(12)]
    assert codes[-2:] == [429, 429]
    assert status("mina", RIGHT, FAR) == 302
