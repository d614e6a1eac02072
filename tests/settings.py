"""Django's settings for tests: those of Bus, over a data directory of their own."""

import atexit
import os
import shutil
import tempfile

# Never a developer's own data, whatever the environment says, nor another test process's. What a
# test starts inherits the variables and so shares the directory. Short, because a socket's path
# must be.
_runner = os.environ.get("PYTEST_XDIST_WORKER", "")
if (os.environ.get("TESTS_VAR_DIR", ""), os.environ.get("TESTS_RUNNER", "")) != (
    os.environ.get("BUS_VAR_DIR"),
    _runner,
):
    _directory = tempfile.mkdtemp(prefix="bus-")
    os.environ["TESTS_VAR_DIR"] = os.environ["BUS_VAR_DIR"] = _directory
    os.environ["TESTS_RUNNER"] = _runner
    atexit.register(shutil.rmtree, _directory, ignore_errors=True)

# The same behaviour with REDIS_URL and DATABASE_URL set as without.
os.environ.setdefault("SECRET_KEY", "for tests only; nothing real is signed with it, ever")
os.environ.setdefault("BUS_HTTPS", "0")
os.environ.setdefault("BUS_OPEN_ROOMS", "1")
for _limit in ("BUS_USER_ROOM_RATE", "BUS_ADDRESS_ROOM_RATE", "BUS_ROOM_RATE"):
    os.environ.setdefault(_limit, "0")

from config.settings import *  # noqa: E402, F403

# Safe hashing is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests of the grace and of what joins share set their own.
BUS_PRESENCE_GRACE = 0.0
BUS_RIGHTS_AGE = 0.0
