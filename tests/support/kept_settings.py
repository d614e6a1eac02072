"""Django's settings as a project may have them: connections are kept, and there is no pool."""

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["OPTIONS"].pop("pool", None)
