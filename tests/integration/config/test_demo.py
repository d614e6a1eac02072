"""The demo's users: made where names are free, in the embedded default alone, and never touched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from bus.models import Member, Room

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def embedded(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings.EMBEDDED = True
    monkeypatch.setenv("BUS_VAR_DIR", str(tmp_path))


def demo(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The logins that a run prints."""
    call_command("demo")
    return dict(re.findall(r"^(\S+) / (\S+)$", capsys.readouterr().out, re.M))


def test_the_logins_are_made_once_and_printed_at_each_start(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = demo(capsys)
    assert set(first) == {"demo", "mod"}
    assert all(User.objects.get(username=n).check_password(p) for n, p in first.items())
    assert demo(capsys) == first
    assert Member.objects.get().user.username == "mod"


def test_who_has_such_a_name_already_stays_who_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    User.objects.create_user("mod", password="my-own-pass-1")
    assert set(demo(capsys)) == {"demo"}
    mod = User.objects.get(username="mod")
    assert mod.check_password("my-own-pass-1")
    assert (mod.is_staff, mod.is_superuser) == (False, False)
    assert not Member.objects.exists()


def test_who_has_a_name_that_looks_like_one_of_the_demo_keeps_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    User.objects.create_user("Demo")
    Room.objects.create(name="1aunch", access="open")
    assert set(demo(capsys)) == {"mod"}
    assert {user.username for user in User.objects.all()} == {"Demo", "mod"}
    assert {room.name for room in Room.objects.all()} == {"lobby", "1aunch"}


def test_a_password_that_was_changed_or_lost_is_neither_printed_nor_set(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    demo(capsys)
    user = User.objects.get(username="demo")
    user.set_password("my-own-pass-1")
    user.save()
    assert set(demo(capsys)) == {"mod"}
    (tmp_path / "demo.json").unlink()
    before = dict(User.objects.values_list("username", "password"))
    assert demo(capsys) == {}
    assert dict(User.objects.values_list("username", "password")) == before


def test_with_servers_named_it_makes_nothing(settings: Any, tmp_path: Path) -> None:
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match="createsuperuser"):
        call_command("demo")
    assert not User.objects.exists()
    assert not Room.objects.exists()
    assert not (tmp_path / "demo.json").exists()
