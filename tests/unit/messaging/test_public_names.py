"""What Django code calls: `from bus.messaging import send_on_commit`."""

import subprocess
import sys

import pytest

import bus.messaging

BEFORE_THE_APPS = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
from bus.messaging import publish, send, send_on_commit
from django.apps import apps
assert not apps.ready
import django
django.setup()
"""


def test_an_app_may_import_them_before_models_are_there() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEFORE_THE_APPS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_old_name_warns_and_is_the_same() -> None:
    sys.modules.pop("bus.publisher", None)
    with pytest.warns(DeprecationWarning, match=r"bus\.messaging"):
        from bus import publisher
    for name in bus.messaging.__all__:
        assert getattr(publisher, name) is getattr(bus.messaging, name)
