"""Django's settings for processes whose handlers misbehave."""

from tests.settings import *  # noqa: F403

ASGI_APPLICATION = "tests.support.misbehaving.application"
