"""The pages as a browser without scripts gets them."""

from __future__ import annotations

import datetime as dt
import json
import re
import unicodedata
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils import timezone

from bus.models import Member, Message, Room, Sanction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client() -> Client:
    return Client(headers={"accept-language": "en"})


@pytest.fixture
def demo() -> User:
    return User.objects.create_user("demo", password="a-good-pass-1")


def make_room(name: str, **fields: Any) -> Room:
    return Room.objects.create(name=name, **{"access": "open", **fields})


def post(room: Room, seq: int, body: str, **fields: Any) -> Message:
    at = timezone.now() - dt.timedelta(minutes=10)
    message = Message.objects.create(
        room=room,
        **{
            "seq": seq,
            "changed": seq,
            "status": "posted",
            "author_key": "u900",
            "author_name": "mina",
            "client_id": f"c{seq}",
            "body": body,
            "created_at": at,
            "posted_at": at,
            **fields,
        },
    )
    Room.objects.filter(pk=room.pk).update(head=message.changed or seq)
    return message


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_the_root_leads_to_the_lobby(client: Client) -> None:
    assert client.get("/").headers["location"] == "/chat/"
    assert client.get("/chat").headers["location"] == "/chat/"
    assert client.get("/chat/lobby").headers["location"] == "/chat/lobby/"


def test_the_lobby_shows_what_the_visitor_may_enter(client: Client, demo: User) -> None:
    make_room("lobby", title="The lobby", topic="Say hello")
    make_room("launch", access="public", slow_mode=10)
    staff = make_room("staff", access="private")
    guest = text_of(client.get("/chat/"))
    assert "The lobby" in guest
    assert "Say hello" in guest
    assert "/chat/launch/" not in guest
    client.force_login(demo)
    user = text_of(client.get("/chat/"))
    assert "/chat/launch/" in user
    assert "Slow mode 10 s" in user
    assert "/chat/staff/" not in user
    Member.objects.create(room=staff, user=demo)
    assert "/chat/staff/" in text_of(client.get("/chat/"))


def test_the_first_paint_has_the_newest_page(client: Client) -> None:
    room = make_room("lobby", title="The lobby")
    for seq in range(1, 61):
        post(room, seq, f"line {seq}.")
    post(room, 61, "<script>alert(1)</script>")
    post(room, 62, "secret", removed_at=timezone.now())
    page = text_of(client.get("/chat/lobby/"))
    assert page.count('class="row') == 50
    assert "line 12." not in page
    assert "line 13." in page
    assert page.index("line 13.") < page.index("line 60.")
    assert "&lt;script&gt;alert(1)" in page
    assert "secret" not in page
    assert "Message removed" in page
    assert 'data-since="62"' in page
    older = re.search(r"<button[^>]*older[^>]*>", page)
    assert older is not None
    assert "hidden" not in older[0]


def test_a_guest_stays_the_same_guest(client: Client) -> None:
    make_room("lobby")
    first = client.get("/chat/lobby/")
    assert first.cookies["bus_guest"]["httponly"]
    seen = re.findall(r'data-me="(g\w+)"', text_of(first))
    assert seen
    assert re.findall(r'data-me="(g\w+)"', text_of(client.get("/chat/lobby/"))) == seen


def test_own_lines_are_marked(client: Client, demo: User) -> None:
    post(make_room("lobby"), 1, "mine", author_key=f"u{demo.pk}", author=demo, author_name="demo")
    client.force_login(demo)
    assert 'class="row own"' in text_of(client.get("/chat/lobby/"))


@pytest.mark.parametrize("name", ["자유방", "комната", "房间", "a" * 64])
@override_settings(BUS_OPEN_ROOMS=True)
def test_a_room_can_be_visited_before_it_is_made_in_any_script(client: Client, name: str) -> None:
    page = text_of(client.get(f"/chat/{name}/"))
    assert f'data-room="{name}" data-since="0"' in page
    assert not Room.objects.exists()


@override_settings(BUS_OPEN_ROOMS=True)
def test_names_that_look_the_same_are_the_same(client: Client) -> None:
    spelt_apart = unicodedata.normalize("NFD", "자유방")
    response = client.get(f"/chat/{spelt_apart}/", follow=True)
    assert response.redirect_chain
    assert 'data-room="자유방"' in text_of(response)


@pytest.mark.parametrize("name", ["a b", "a+b", "a" * 65, "%3Cb%3E", "a.b"])
@override_settings(BUS_OPEN_ROOMS=True)
def test_a_name_that_no_room_can_have(client: Client, name: str) -> None:
    response = client.get(f"/chat/{name}/")
    assert response.status_code == 404
    assert "There is no such room" in text_of(response)
    assert "<b>" not in text_of(response)
    assert not Room.objects.exists()


@override_settings(BUS_OPEN_ROOMS=False)
def test_no_room_is_made_where_rooms_are_not_open(client: Client) -> None:
    assert client.get("/chat/nowhere/").status_code == 404
    assert "Go to a room" not in text_of(client.get("/chat/"))


def test_who_may_not_enter_is_told_why(client: Client, demo: User) -> None:
    make_room("launch", access="public")
    staff = make_room("staff", access="private")
    response = client.get("/chat/launch/")
    assert response.status_code == 403
    assert "is not open to guests" in text_of(response)
    assert "/accounts/login/?next=/chat/launch/" in text_of(response)
    client.force_login(demo)
    assert client.get("/chat/launch/").status_code == 200
    assert client.get("/chat/staff/").status_code == 404
    Member.objects.create(room=staff, user=demo)
    assert client.get("/chat/staff/").status_code == 200
    Sanction.objects.create(room=staff, author_key=f"u{demo.pk}", kind="ban")
    assert "You are banned" in text_of(client.get("/chat/staff/"))


@override_settings(BUS_OPEN_ROOMS=True)
def test_the_way_to_another_room(client: Client) -> None:
    response = client.post("/chat/", {"name": " 새방 "})
    assert response.headers["location"] == "/chat/%EC%83%88%EB%B0%A9/"
    wrong = client.post("/chat/", {"name": "two words"})
    assert "Use letters, digits, - and _" in text_of(wrong)


def test_sign_up_signs_in_and_goes_on(client: Client) -> None:
    make_room("launch", access="public")
    fields = {"username": "mina", "password1": "a-good-pass-1", "password2": "a-good-pass-1"}
    response = client.post("/accounts/signup/", {**fields, "next": "/chat/launch/"})
    assert response.headers["location"] == "/chat/launch/"
    assert "mina" in text_of(client.get("/chat/launch/"))
    assert client.get("/accounts/signup/").headers["location"] == "/chat/"


@pytest.mark.parametrize("page", ["/accounts/signup/", "/accounts/login/"])
def test_nobody_is_sent_to_another_site(client: Client, demo: User, page: str) -> None:
    fields = {"username": "demo", "password": "a-good-pass-1"}
    if "signup" in page:
        fields = {"username": "m", "password1": "a-good-pass-1", "password2": "a-good-pass-1"}
    response = client.post(page, {**fields, "next": "https://evil.example/"})
    assert response.headers["location"] == "/chat/"


def test_sign_up_says_what_is_wrong(client: Client, demo: User) -> None:
    fields = {"username": "DEMO", "password1": "12345678", "password2": "12345678"}
    page = text_of(client.post("/accounts/signup/", fields))
    assert "already exists" in page
    assert "too common" in page
    assert not User.objects.exclude(pk=demo.pk).exists()


def test_signing_in_and_out(client: Client, demo: User) -> None:
    fields = {"username": "demo", "password": "wrong"}
    assert "correct username and password" in text_of(client.post("/accounts/login/", fields))
    client.post("/accounts/login/", {**fields, "password": "a-good-pass-1"})
    assert "Sign out" in text_of(client.get("/chat/"))
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/").headers["location"] == "/chat/"
    assert "Sign out" not in text_of(client.get("/chat/"))


def test_forms_without_a_token_are_refused_kindly() -> None:
    strict = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    response = strict.post("/chat/", {"name": "x"})
    assert response.status_code == 403
    assert "Please try again" in text_of(response)


def test_korean_where_the_browser_asks_for_it() -> None:
    make_room("lobby")
    korean = Client(headers={"accept-language": "ko-KR,ko;q=0.9,en;q=0.8"})
    page = text_of(korean.get("/chat/lobby/"))
    assert '<html lang="ko">' in page
    assert "메시지를 입력하세요" in page
    found = re.search(r'<script id="catalog" type="application/json">(.*?)</script>', page, re.S)
    assert found is not None
    catalog = json.loads(found[1])
    assert catalog["Sending…"] == "보내는 중…"
    assert catalog["%(count)s new message"] == ["새 메시지 %(count)s개"]
    assert '<html lang="en">' in text_of(
        Client(headers={"accept-language": "fr"}).get("/chat/lobby/")
    )


@pytest.mark.parametrize("path", ["/", "/chat/", "/chat/lobby/", "/accounts/login/", "/nothing"])
def test_no_page_has_anything_inline(client: Client, path: str) -> None:
    make_room("lobby")
    response = client.get(path)
    page = text_of(response)
    assert "style=" not in page
    assert "<style" not in page
    assert not re.search(r"\son\w+=", page)
    for script in re.findall(r"<script[^>]*>", page):
        assert "src=" in script or 'type="application/json"' in script


def test_an_unknown_address_is_told_kindly(client: Client) -> None:
    response = client.get("/nothing/here/")
    assert response.status_code == 404
    assert "There is nothing here" in text_of(response)


def test_the_apology_needs_nothing_that_may_be_broken() -> None:
    from django.template import loader

    assert "Something broke on our side" in loader.get_template("500.html").render()
