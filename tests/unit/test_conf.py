"""Settings: what the environment says, and what nothing can work with."""

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from bus.checks import check_numbers
from bus.conf import conf
from bus.conf.environment import from_environment


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("BUS_DEAD_LETTER_LIMIT", "-1", "a whole number from 0"),
        ("BUS_VISIBILITY_TIMEOUT", "0", "a number from 1"),
        ("BUS_HANDLER_TIMEOUT", "nan", "a number from 0.1"),
        ("BUS_DRAIN_TIMEOUT", "inf", "a number from 0"),
        ("BUS_PARTITIONS", "0", "a whole number from 1"),
        ("BUS_OPEN_ROOMS", "maybe", "0 or 1"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, text: str, told: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{name}='{text}' is not {told}"):
        from_environment({name: text})


def test_a_bad_value_in_the_settings_module_is_refused_before_anything_starts() -> None:
    assert check_numbers() == []
    with override_settings(BUS_VISIBILITY_TIMEOUT=-5, BUS_CAPACITY="many"):
        errors = [error.msg for error in check_numbers()]
    assert errors == [
        "BUS_CAPACITY is not a whole number from 1.",
        "BUS_VISIBILITY_TIMEOUT is not a number from 1.",
    ]


def test_a_setting_follows_what_overrides_it() -> None:
    before = conf.body_limit
    with override_settings(BUS_BODY_LIMIT=7):
        assert conf.body_limit == 7
        with override_settings(BUS_BODY_LIMIT=8):
            assert conf.body_limit == 8
        assert conf.body_limit == 7
    assert conf.body_limit == before == getattr(django_settings, "BUS_BODY_LIMIT", 2000)
