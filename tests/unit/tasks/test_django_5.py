"""Django before 6.0 has no tasks: what asks for them is told so, and nothing else is different."""

import importlib

import django
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django.fixtures import Settings

from bus.routing import channels

pytestmark = pytest.mark.skipif(django.VERSION >= (6, 0), reason="this Django has tasks")


def test_bus_tasks_names_the_django_that_it_needs() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"needs Django 6\.0 or later"):
        importlib.import_module("bus.tasks")


def test_a_check_names_the_setting_that_nobody_reads(settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": "bus.tasks.Backend"}}
    with pytest.raises(SystemCheckError, match=r"bus\.E020.*has no tasks"):
        call_command("check")


def test_other_backends_are_not_our_business(settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": "somebody.Else"}}
    call_command("check")
    assert set(channels) == {"moderation", "broadcast"}
