"""Django's settings for tests: those of Bus, over a data directory of their own."""

import atexit
import os
import shutil
import tempfile

# Never a developer's own data, whatever the environment says. Processes that a test starts inherit
# the pair of variables and so share the directory. Short, because a socket's path must be.
if os.environ.get("TESTS_VAR_DIR", "") != os.environ.get("BUS_VAR_DIR"):
    _directory = tempfile.mkdtemp(prefix="bus-")
    os.environ["TESTS_VAR_DIR"] = os.environ["BUS_VAR_DIR"] = _directory
    atexit.register(shutil.rmtree, _directory, ignore_errors=True)

# The same behaviour with REDIS_URL and DATABASE_URL set as without.
os.environ.setdefault("SECRET_KEY", "for tests only; nothing real is signed with it")
os.environ.setdefault("BUS_OPEN_ROOMS", "1")

from bus.settings import *  # noqa: F403

# Safe hashing is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
