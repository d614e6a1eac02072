"""The list of rooms: paged and searched, at one cost however many there are."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bus.chat import lobby
from bus.chat.user_adapter import UserAdapter
from bus.chat.visitors import Visitor
from bus.models import Listing, Member, Room

pytestmark = pytest.mark.django_db(transaction=True)

GUEST = Visitor("g1", "g1", "guest-1")


@pytest.fixture
def mina() -> User:
    return User.objects.create_user("mina")


def visitor(user: User) -> Visitor:
    return Visitor(f"u{user.pk}", user.pk, user.username, user.pk)


def make(*names: str, **fields: Any) -> None:
    Room.objects.bulk_create(Room(name=name, **{"access": "open", **fields}) for name in names)


def names(query: str = "", who: Visitor = GUEST) -> list[str]:
    return [room.name for room in lobby.page(who, query).rooms]


def all_pages(query: str = "", who: Visitor = GUEST) -> Iterator[list[str]]:
    after = ""
    while True:
        page = lobby.page(who, query, after)
        yield [room.name for room in page.rooms]
        after = page.next
        if not after:
            break


def links(client: Client, path: str) -> tuple[list[str], str]:
    """The rooms that a page leads to, and the page after it."""
    text = client.get(path).content.decode()
    following = re.search(r'rel="next" href="([^"]+)"', text)
    return re.findall(r'<a href="/chat/([^"/]+)/"', text), following[1] if following else ""


def test_pages_follow_each_other_without_scripts(client: Client) -> None:
    wanted = [f"room_{number:03}" for number in range(120)]
    make(*reversed(wanted))
    seen: list[list[str]] = []
    path = "/chat/"
    while path:
        rooms, path = links(client, path.replace("&amp;", "&"))
        seen.append(rooms)
    assert [len(rooms) for rooms in seen] == [50, 50, 20]
    assert [name for rooms in seen for name in rooms] == wanted
    found, path = links(client, "/chat/?q=ROOM+0")
    assert found == wanted[:50]
    assert links(client, path.replace("&amp;", "&")) == (wanted[50:100], "")


@pytest.mark.parametrize(
    ("query", "room"),
    [
        ("lob", "lobby"),
        ("LOBBY", "lobby"),
        ("ｌｏｂ", "lobby"),
        ("게시판", "자유게시판"),
        ("판", "자유게시판"),
        ("STRASSE", "straße"),
        ("комн", "комната_2"),
        ("КОМНАТА 2", "комната_2"),
        ("天気", "東京の天気"),
        ("ﾃﾝｷ", "テンキ"),
        ("alpha", "team_alpha"),
        ("team-alpha", "team_alpha"),
        ("42", "team42"),
        ("friends of", "cafe"),
        ("rust", "cafe"),
        ("🦀", "cafe"),
    ],
)
def test_rooms_are_found_in_any_script_case_and_width(query: str, room: str) -> None:
    make(
        "lobby", "자유게시판", "straße", "комната_2", "東京の天気", "テンキ", "team_alpha", "team42"
    )
    make("cafe", title="Friends of Rust 🦀")
    assert names(query) == [room]


@pytest.mark.parametrize("query", ["nothing", "obby", "!!", "%", "_", "\\", "x" * 5000])
def test_what_is_called_otherwise_is_not_found(client: Client, query: str) -> None:
    make("lobby")
    assert names(query) == []
    assert client.get("/chat/", {"q": query}).status_code == 200


@pytest.mark.parametrize("after", ["x", "====", "/chat", "é", "AAAA", "_" * 5000])
def test_a_page_that_nobody_named_is_no_error(client: Client, after: str) -> None:
    make("lobby")
    assert client.get("/chat/", {"after": after}).status_code == 200


def test_a_room_that_fits_in_several_places_is_found_once() -> None:
    make(*(f"{'ㅋ' * 40}{number}" for number in range(60)))
    make("ㅋ_ㅋ", title="ㅋ ㅋ ㅋ")
    found = [name for rooms in all_pages("ㅋ") for name in rooms]
    assert len(found) == len(set(found)) == 61


def test_nobody_finds_a_room_that_they_may_not_enter(mina: User) -> None:
    make("open_one")
    make("public_one", access="public")
    make("private_one", "secret_one", access="private")
    make("archived_one", archived_at=timezone.now())
    Member.objects.create(room=Room.objects.get(name="private_one"), user=mina)
    for query in ("", "one"):
        assert sorted(names(query)) == ["open_one"]
        assert sorted(names(query, visitor(mina))) == ["open_one", "private_one", "public_one"]


def test_members_of_many_private_rooms_see_theirs(mina: User) -> None:
    make(*(f"club_{number}" for number in range(20)), access="private")
    clubs = Room.objects.exclude(name="club_3")
    Member.objects.bulk_create(Member(room=room, user=mina) for room in clubs)
    few = names("club", visitor(mina))
    many = [room.name for room in lobby.page(visitor(mina), "club", few=2).rooms]
    assert many == few
    assert len(few) == 19


def test_the_list_follows_however_a_room_is_written() -> None:
    room = Room.objects.create(name="lobby", title="Old", access="open")
    room.title = "New words"
    room.save()
    assert (names("old"), names("words")) == ([], ["lobby"])
    room.title = "Other"
    room.save(update_fields=["title"])
    assert (names("words"), names("other")) == ([], ["lobby"])
    Room.objects.update(title="Mass")
    assert (names("other"), names("mass")) == ([], ["lobby"])
    room.refresh_from_db()
    room.title = "Bulk"
    Room.objects.bulk_update([room], ["title"])
    assert (names("mass"), names("bulk")) == ([], ["lobby"])
    Room.objects.bulk_create(
        [Room(name="lobby"), Room(name="other", access="open")], ignore_conflicts=True
    )
    assert names() == ["lobby", "other"]
    Room.objects.filter(name="lobby").update(access="private")
    assert names() == names("o") == ["other"]
    Room.objects.filter(name="other").update(archived_at=timezone.now())
    assert names() == []
    Room.objects.filter(name="lobby").delete()
    assert not Listing.objects.filter(access="private").exists()


def cost(who: Visitor, query: str, after: str = "") -> tuple[int, float]:
    """How many queries a page takes, and the shortest of some times, in seconds."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        with CaptureQueriesContext(connection) as asked:
            lobby.page(who, query, after)
        times.append(time.perf_counter() - began)
    return len(asked), min(times)


def test_a_page_costs_the_same_among_ten_rooms_and_among_thirty_thousand(mina: User) -> None:
    asked = [("", ""), ("room", ""), ("talk", ""), ("자유", ""), ("", lobby.page(GUEST).next)]
    rooms = [
        Room(name=f"room_{n:06}", access=("open", "public", "private")[n % 3], title="Talk 자유방")
        for n in range(30_000)
    ]
    Room.objects.bulk_create(rooms[:200])
    people = (GUEST, visitor(mina))
    few = {(who.key, *ask): cost(who, *ask) for who in people for ask in asked}
    Room.objects.bulk_create(rooms[200:], batch_size=1000)
    many = {(who.key, *ask): cost(who, *ask) for who in people for ask in asked}
    assert {key: queries for key, (queries, _) in many.items()} == {
        key: queries for key, (queries, _) in few.items()
    }
    assert max(queries for queries, _ in many.values()) <= 4
    # A walk through all would take 150 times as long.
    slower = {key: round(many[key][1] / few[key][1], 1) for key in few}
    assert max(slower.values()) < 10, slower


class Helpers(UserAdapter):
    """Opens rooms to helpers: a room is theirs if its title says so."""

    def role(self, user: AbstractBaseUser, room: Room) -> str | None:
        return "member" if room.title == "helpers" else None

    def rooms(self, user: AbstractBaseUser) -> Any:
        # One that `role` does not open after all, and one that is archived.
        return Room.objects.filter(name__startswith="h")


def test_rooms_that_the_projects_rules_open_are_listed(mina: User, settings: Any) -> None:
    make("harbour", "hill", title="helpers", access="private")
    make("hidden", "other", access="private")
    make("hall", title="helpers", access="private", archived_at=timezone.now())
    make("heath", title="helpers")
    Member.objects.create(room=Room.objects.get(name="hill"), user=mina)
    assert names(who=visitor(mina)) == ["heath", "hill"]
    settings.BUS_USER_ADAPTER = f"{__name__}.Helpers"
    assert names(who=visitor(mina)) == ["harbour", "heath", "hill"]
    assert names("har", visitor(mina)) == ["harbour"]
    assert names() == ["heath"]
    assert [room.name for room in lobby.page(visitor(mina), few=0).rooms] == ["heath", "hill"]


def test_what_the_projects_rules_open_costs_the_same_however_much_it_is(
    mina: User, settings: Any
) -> None:
    settings.BUS_USER_ADAPTER = f"{__name__}.Helpers"

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert names(who=visitor(mina))
        return len(asked)

    make("h1", title="helpers", access="private")
    few = queries()
    make(*(f"h{n}" for n in range(2, 200)), title="helpers", access="private")
    assert queries() == few
