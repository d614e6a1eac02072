"""Names of people: none looks like another's, whichever way it comes, nor like the house's."""

import datetime as dt
import importlib
import io
import threading
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from bus.chat import taken_names, tokens
from bus.messaging import default_layer
from bus.models import Message, Room, TakenName
from bus.protocol.errors import Conflict

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]

ALIKE = [
    *("mіna", "míńa", "mina.", "Mina", "MINA", "ｍｉｎａ", "rnina", "m_i_n_a", "m1na", "min\u0430"),
    "mi\u0301na",
    # A capital Mu of Greek folds to a letter that looks like u.
    *("\u039cINA", "M\u0399\u039dA"),
]
RESERVED = [
    *("admin", "moderator", "system", "announcement", "support", "guest-1a2b", "root", "관리자"),
    *("Adm1n", "ѕystem", "mod.", "guest_ab12", "rооt", "운영자", "bus"),
    *("ADMI\u039d", "\u0397ELP", "\u0389elp", "S\u03a5STEM", "r\u0d20\u0d20t"),
]


def sign_up(name: str) -> bool:
    """Whether one can sign up under a name."""
    fields = {"username": name, "password1": "a-good-pass-1", "password2": "a-good-pass-1"}
    answer = Client().post("/accounts/signup/", fields)
    assert answer.status_code in (200, 302), answer.content
    return answer.status_code == 302


def wrote(user: User, name: str = "") -> Message:
    """A message of a user."""
    room, _ = Room.objects.get_or_create(name="lobby", defaults={"access": "open"})
    room.head += 1
    room.save()
    return Message.objects.create(
        room=room,
        seq=room.head,
        changed=room.head,
        status="posted",
        author=user,
        author_key=f"u{user.pk}",
        author_name=name or user.username,
        client_id=f"c{room.head}",
        body="hi",
        created_at=timezone.now(),
        posted_at=timezone.now(),
    )


def rename(user: User, name: str) -> None:
    user.username = name
    user.save()


def later() -> None:
    """A while goes by: what was about to be stored is stored, or will not be."""
    TakenName.objects.update(taken_at=timezone.now() - dt.timedelta(minutes=2))


@pytest.mark.parametrize("name", ALIKE)
def test_nobody_signs_up_under_a_name_that_looks_like_anothers(name: str) -> None:
    User.objects.create(username="mina")
    assert not sign_up(name)
    assert User.objects.count() == 1
    assert sign_up("mona")


@pytest.mark.parametrize("name", RESERVED)
def test_nobody_signs_up_under_a_name_of_the_house(name: str) -> None:
    assert not sign_up(name)


def test_reserved_names_are_a_setting(settings: Any) -> None:
    settings.BUS_RESERVED_NAMES = ["boss", "team*"]
    assert not sign_up("b0ss")
    assert not sign_up("team-blue")
    assert sign_up("admin")


def test_a_name_of_somebody_who_was_not_stored_is_free_though_a_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken_names.take(taken_names.PERSON, "mina")
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() - dt.timedelta(hours=1))
    with pytest.raises(Conflict):
        taken_names.check(taken_names.PERSON, "mína")
    passed = 61_000 + default_layer.steady_now()
    monkeypatch.setattr(default_layer, "steady_now", lambda: passed)
    taken_names.check(taken_names.PERSON, "mína")


@pytest.mark.parametrize("names", [("김철수", "김철순"), ("たかし", "たがし"), ("กิน", "กุน")])
def test_names_that_differ_for_those_who_read_the_script_are_two(names: tuple[str, str]) -> None:
    for name in names:
        User.objects.create(username=name)
    assert User.objects.filter(username__in=names).count() == 2


def test_no_way_leads_around_it() -> None:
    root = User.objects.create_superuser("root", password="a-good-pass-1")
    with pytest.raises(ValidationError):
        User.objects.create_user("rооt")
    with pytest.raises(ValidationError):
        User.objects.create_user("guest-1a2b")
    with pytest.raises(CommandError, match="somebody else"):
        call_command("createsuperuser", username="r00t", email="", interactive=False)
    mina = User.objects.create(username="mina")
    with pytest.raises(ValidationError):
        rename(mina, "R.oot")
    admin = Client()
    admin.force_login(root)
    fields = {
        "username": "mina.",
        "password1": "a-good-pass-1",
        "password2": "a-good-pass-1",
        "usable_password": "true",
    }
    page = admin.post("/admin/auth/user/add/", fields)
    assert "looks like somebody else" in page.content.decode()
    change = {**fields, "username": "r00t", "date_joined_0": "2026-01-01", "date_joined_1": "10:00"}
    page = admin.post(f"/admin/auth/user/{mina.pk}/change/", change)
    assert "looks like somebody else" in page.content.decode()
    assert set(User.objects.values_list("username", flat=True)) == {"root", "mina"}


def test_who_has_a_name_may_write_it_otherwise() -> None:
    mina = User.objects.create(username="mina")
    for name in ("Mina", "mi.na", "mina"):
        rename(mina, name)
    with pytest.raises(ValidationError):
        User.objects.create(username="Mina")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_come_at_once_one_has_the_name() -> None:
    names = ["mina", "míńa", "mina.", "MINA"]
    start = threading.Barrier(len(names))

    def come(name: str) -> None:
        start.wait()
        try:
            User.objects.create(username=name)
        except ValidationError:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=come, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.count() == 1


@pytest.mark.parametrize("freed", ["renamed", "deleted"])
def test_a_freed_name_is_nobodys_while_messages_show_it(freed: str) -> None:
    mina = User.objects.create(username="mina")
    message = wrote(mina)
    if freed == "renamed":
        rename(mina, "wilma")
    else:
        mina.delete()
    later()
    assert not sign_up("mina")
    assert not sign_up("míńa")
    if freed == "renamed":
        rename(mina, "mina")
        rename(mina, "wilma")
    message.delete()
    assert sign_up("mina")


def test_a_name_that_nobody_got_after_all_is_free() -> None:
    TakenName.objects.create(kind="person", skeleton="rnlna", name="mina")
    assert not sign_up("míńa")
    later()
    assert sign_up("míńa")


def test_of_two_that_exist_both_stay_and_a_command_lists_them() -> None:
    for name in ("mina", "míńa", "demo"):
        User.objects.bulk_create([User(username=name)])
    Room.objects.bulk_create([Room(name="l0bby"), Room(name="lobby"), Room(name="launch")])
    gone = User.objects.create(username="gone")
    wrote(gone)
    TakenName.objects.all().delete()
    gone.delete()
    TakenName.objects.all().delete()
    migration = importlib.import_module("bus.migrations.0010_taken_name")
    migration.take_all(apps, None)
    assert not sign_up("g0ne")
    assert not sign_up("dem0")
    out = io.StringIO()
    call_command("bus", "names", stdout=out)
    lines = [line.split() for line in out.getvalue().splitlines()[1:]]
    assert lines == [["person", "míńa", "mina"], ["room", "lobby", "l0bby"]]
    # Who has such a name goes on with it.
    User.objects.get(username="míńa").save()


def test_no_guest_with_a_token_is_called_as_a_user_is() -> None:
    User.objects.create(username="mina")
    for name in ("mina", "Mína", "admin"):
        with pytest.raises(Conflict):
            tokens.for_guest(name, ttl=60)
    assert tokens.for_guest("Visitor 7", ttl=60)
