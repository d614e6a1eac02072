"""The password of an account: changed by who knows it, reset by who has the mail."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from bus.models import Room

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]

OLD, NEW = "a-good-pass-1", "another-pass-2"
CHANGE, RESET = "/accounts/password_change/", "/accounts/password_reset/"


@pytest.fixture
def mina() -> User:
    return User.objects.create_user("mina", "Mina@example.org", OLD)


def browser(address: str = "203.0.113.5", language: str = "en") -> Client:
    return Client(headers={"accept-language": language}, REMOTE_ADDR=address)


def change(client: Client, old: str, new: str = NEW) -> Any:
    fields = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post(CHANGE, fields)


def test_who_knows_the_old_password_sets_a_new_one_and_other_sessions_end(mina: User) -> None:
    here, elsewhere = browser(), browser()
    here.force_login(mina)
    elsewhere.force_login(mina)
    assert 'href="/accounts/password_change/"' in here.get("/chat/").content.decode()
    assert "is a number" in change(here, OLD, "84739201").content.decode()
    done = change(here, OLD)
    assert done["Location"] == "/accounts/password_change/done/"
    assert "Your password is changed" in here.get(done["Location"]).content.decode()
    assert "Sign out" in here.get("/chat/").content.decode()
    assert "Sign out" not in elsewhere.get("/chat/").content.decode()
    mina.refresh_from_db()
    assert mina.check_password(NEW)


def test_guesses_of_the_old_password_are_few_and_a_bad_new_one_is_none(mina: User) -> None:
    client = browser()
    client.force_login(mina)
    for _ in range(20):
        assert change(client, OLD, "short").status_code == 200
    codes = [change(client, f"wrong-{n}").status_code for n in range(12)]
    assert codes == [200] * 10 + [429] * 2
    refused = change(client, OLD)
    assert (refused.status_code, int(refused["Retry-After"]) <= 60) == (429, True)
    # From wherever: it is the account that is guessed at.
    other = browser("198.51.100.7")
    other.force_login(mina)
    assert change(other, OLD).status_code == 429


def test_the_admin_has_no_other_way(mina: User) -> None:
    mina.is_staff = True
    mina.save()
    client = browser()
    client.force_login(mina)
    assert client.get("/admin/password_change/")["Location"] == CHANGE


def test_without_mail_no_reset_is_offered(mina: User) -> None:
    client = browser()
    assert "Forgot" not in client.get("/accounts/login/").content.decode()
    assert "email" not in client.get("/accounts/signup/").content.decode()
    for path in (RESET, RESET + "done/", "/accounts/reset/MQ/x-y/"):
        assert client.get(path).status_code == 404
    assert client.post(RESET, {"email": mina.email}).status_code == 404
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("language", "subject", "said"),
    [
        ("en", "A new password for", "asked for a new password for mina"),
        ("ko", "새 비밀번호", "mina 계정"),
    ],
)
def test_a_link_by_mail_sets_a_new_password_once_and_signs_in(
    mina: User, settings: Any, language: str, subject: str, said: str
) -> None:
    settings.BUS_PASSWORD_RESET = True
    client = browser(language=language)
    assert RESET in client.get("/accounts/login/").content.decode()
    assert client.get(RESET).status_code == 200
    assert client.post(RESET, {"email": "mina@example.org"})["Location"] == RESET + "done/"
    assert client.get(RESET + "done/").status_code == 200
    (letter,) = mail.outbox
    assert subject in letter.subject
    assert said in letter.body
    found = re.search(r"http://testserver(/accounts/reset/\S+)", letter.body)
    assert found is not None
    page = client.get(found[1], follow=True)
    form = page.redirect_chain[-1][0]
    fields = {"new_password1": " " * 10, "new_password2": " " * 10}
    assert client.post(form, fields).status_code == 200
    assert client.post(form, dict.fromkeys(fields, NEW))["Location"] == "/chat/"
    assert "mina" in client.get("/chat/").content.decode()
    mina.refresh_from_db()
    assert mina.check_password(NEW)
    assert "was used already" in browser().get(found[1]).content.decode()


def test_mails_are_few_and_tell_nobody_which_addresses_have_accounts(
    mina: User, settings: Any
) -> None:
    settings.BUS_PASSWORD_RESET = True

    def ask(mail: str, place: str) -> Any:
        return browser(place).post(RESET, {"email": mail})

    known = [ask("mina@example.org", f"203.0.113.{n}") for n in range(5)]
    unknown = [ask("nobody@example.org", f"203.0.113.{n}") for n in range(5)]
    assert [page.status_code for page in known] == [302] * 3 + [429] * 2
    assert [page.status_code for page in unknown] == [302] * 3 + [429] * 2
    assert len(mail.outbox) == 3
    one = [ask(f"a{n}@example.org", "198.51.100.7").status_code for n in range(22)]
    assert one == [302] * 20 + [429] * 2


def test_wrong_links_are_stopped_as_wrong_keys_are(mina: User, settings: Any) -> None:
    settings.BUS_PASSWORD_RESET, settings.BUS_SECRET_RATE = True, "5/h"
    codes = [browser().get(f"/accounts/reset/MQ/abc-{n}/").status_code for n in range(7)]
    assert codes == [200] * 5 + [429] * 2


def test_who_is_guessed_at_from_everywhere_comes_in_by_a_link(mina: User, settings: Any) -> None:
    settings.BUS_PASSWORD_RESET, settings.BUS_SIGN_IN_NAME_RATE = True, "5/h"

    def sign_in(password: str, place: str) -> int:
        fields = {"username": "mina", "password": password}
        return browser(place).post("/accounts/login/", fields).status_code

    for n in range(6):
        sign_in("wrong", f"198.51.100.{n}")
    home = "203.0.113.77"
    assert sign_in(OLD, home) == 429
    client = browser(home)
    client.post(RESET, {"email": mina.email})
    link = re.search(r"/accounts/reset/\S+", mail.outbox[0].body)
    assert link is not None
    form = client.get(link[0], follow=True).redirect_chain[-1][0]
    client.post(form, {"new_password1": NEW, "new_password2": NEW})
    assert sign_in(NEW, home) == 302
    assert sign_in("wrong", "198.51.100.99") == 429


def test_sign_up_takes_an_address_for_the_mail(settings: Any) -> None:
    settings.BUS_PASSWORD_RESET = True
    Room.objects.create(name="lobby", access="open")
    fields = {"username": "sora", "password1": OLD, "password2": OLD}
    assert browser().post("/accounts/signup/", fields).status_code == 302
    with_mail = {**fields, "username": "yuna", "email": "yuna@example.org"}
    assert browser().post("/accounts/signup/", with_mail).status_code == 302
    assert User.objects.get(username="yuna").email == "yuna@example.org"
    assert User.objects.get(username="sora").email == ""
