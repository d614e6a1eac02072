"""The project itself under a path: every link, form, redirect and mail leads there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import set_script_prefix

from bus.models import Room

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]

PREFIX = "/live"
WORD = "a-good-pass-1"


@pytest.fixture
def client() -> Iterator[Client]:
    # A server's handler does this; that of Django's client does not.
    set_script_prefix(f"{PREFIX}/")
    yield Client(headers={"accept-language": "en"}, SCRIPT_NAME=PREFIX)
    set_script_prefix("/")


@pytest.fixture
def mina() -> User:
    Room.objects.create(name="plaza", access="open")
    Room.objects.create(name="staff", access="public")
    return User.objects.create_user("mina", "mina@example.org", WORD)


def addresses(response: Any) -> list[str]:
    """Where a page leads."""
    page = response.content.decode()
    return re.findall(r'(?:href|src|action|data-login|data-websocket)="([^"#]+)"', page)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/chat/", 200), ("/chat/plaza/", 200), ("/chat/staff/", 403), ("/chat/a b/", 404),
        ("/nothing/", 404), ("/accounts/login/", 200), ("/accounts/signup/", 200),
        ("/accounts/password_reset/", 200), ("/accounts/password_reset/done/", 200),
        ("/accounts/password_change/", 200), ("/accounts/password_change/done/", 200),
        ("/api/v1/docs", 200),
    ],
)  # fmt: skip
def test_every_address_of_a_page_is_under_it(
    client: Client, mina: User, settings: Any, path: str, status: int
) -> None:
    settings.BUS_PASSWORD_RESET = True
    settings.BUS_OPEN_ROOMS = False
    if "change" in path:
        client.force_login(mina)
    answer = client.get(path)
    assert answer.status_code == status
    found = addresses(answer)
    assert found
    assert [each for each in found if not each.startswith(f"{PREFIX}/")] == []


def test_people_sign_in_and_out_and_up_there(client: Client, mina: User) -> None:
    asked = client.get("/accounts/password_change/")
    assert asked["Location"] == f"{PREFIX}/accounts/login/?next={PREFIX}/accounts/password_change/"
    assert client.get("/")["Location"] == f"{PREFIX}/chat/"
    fields = {"username": "mina", "password": WORD}
    assert client.post("/accounts/login/", fields)["Location"] == f"{PREFIX}/chat/"
    assert client.get("/admin/password_change/")["Location"].startswith(f"{PREFIX}/accounts/")
    assert client.post("/accounts/logout/")["Location"] == f"{PREFIX}/chat/"
    new = {"username": "sora", "password1": WORD, "password2": WORD}
    assert client.post("/accounts/signup/", new)["Location"] == f"{PREFIX}/chat/"


def test_a_mail_leads_there(client: Client, mina: User, settings: Any) -> None:
    settings.BUS_PASSWORD_RESET = True
    client.post("/accounts/password_reset/", {"email": "mina@example.org"})
    assert re.search(rf"http://testserver{PREFIX}/accounts/reset/\S+", mail.outbox[0].body)


def test_a_guest_is_known_there_and_nowhere_else(client: Client, mina: User) -> None:
    assert client.get("/chat/plaza/").cookies["bus_guest"]["path"] == PREFIX


def test_the_api_names_its_calls_there(client: Client) -> None:
    calls = client.get("/api/v1/openapi.json").json()["paths"]
    assert calls
    assert all(path.startswith(f"{PREFIX}/api/v1/") for path in calls)
    missing = client.get("/api/v1/nothing").json()["error"]["message"]
    assert missing.endswith(f"see {PREFIX}/api/v1/docs.")
