"""`manage.py bus` has all but `up` and `runworker`; a host's own commands are not in its way."""

import io

import pytest
from django.core.management import CommandError, call_command, find_commands, get_commands
from django.core.management.base import SystemCheckError
from pytest_django.fixtures import Settings

from bus import management as bus_management
from bus.models import Room


def bus(*args: str, **options: bool) -> str:
    """What the command writes."""
    out = io.StringIO()
    call_command("bus", *args, stdout=out, stderr=out, **options)
    return out.getvalue()


def test_a_project_gets_three_commands() -> None:
    assert set(find_commands(bus_management.__path__[0])) == {"up", "runworker", "bus"}
    # This repository's project keeps the names that they had.
    named = {name: get_commands()[name] for name in ("moderate", "moderation", "release")}
    assert set(named.values()) == {"config"}


@pytest.mark.django_db
def test_a_room_is_made_and_where_it_is_said() -> None:
    said = bus("room", "Launch", "--access", "open", "--moderation", "strict", "--title", "The day")
    room = Room.objects.get()
    assert (room.access, room.moderation, room.title) == ("open", "strict", "The day")
    assert said == f"{room.name} is at /chat/{room.name}/ (open).\n"
    for wrong in (room.name, "two words"):
        with pytest.raises(CommandError, match=r"Nothing was made\."):
            bus("room", wrong)
    assert Room.objects.count() == 1


@pytest.mark.django_db
def test_a_subcommand_is_the_command_of_before() -> None:
    Room.objects.create(name="launch")
    told = [io.StringIO(), io.StringIO()]
    call_command("moderation", "policy", "--room", "launch", stdout=told[0])
    call_command("bus", "moderation", "policy", "--room", "launch", stdout=told[1])
    assert told[0].getvalue() == told[1].getvalue() != ""


@pytest.mark.django_db
def test_what_needs_no_project_is_not_held_up_by_its_checks(settings: Settings) -> None:
    settings.BUS_BODY_LIMIT = -1
    with pytest.raises(SystemCheckError, match=r"bus\.E002"):
        bus("names", skip_checks=False)
    assert "No two people" in bus("names", skip_checks=True)
    Room.objects.create(name="launch")
    assert bus("moderation", "policy", "--room", "launch", skip_checks=False)
