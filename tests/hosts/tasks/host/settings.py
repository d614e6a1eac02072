"""The settings of a project that has Bus for its tasks, and nothing else of it."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import django

# One run's own; what the tests start inherits it. Short, because a socket's path must be.
if "HOST_DIRECTORY" not in os.environ:
    os.environ["HOST_DIRECTORY"] = tempfile.mkdtemp(prefix="bus-")
    atexit.register(shutil.rmtree, os.environ["HOST_DIRECTORY"], ignore_errors=True)
DIRECTORY = Path(os.environ["HOST_DIRECTORY"])
BASE_DIR = Path(__file__).resolve().parent.parent
# Where the tests' own broker is, unless another one is named.
SOCKET = DIRECTORY / "valkey.sock"

SECRET_KEY = "for tests only; nothing real is signed with it, ever"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "bus", "channels"]
if django.VERSION >= (6, 0):
    INSTALLED_APPS += ["host"]
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "bus.broker.BusChannelLayer",
        "CONFIG": {"hosts": [os.environ.get("REDIS_URL") or f"unix://{SOCKET}"]},
    }
}
TASKS = {"default": {"BACKEND": "bus.tasks.Backend", "QUEUES": ["default", "mail"]}}
# Tests wait for retries.
BUS_RETRY_BASE = 0.05
BUS_HANDLER_TIMEOUT = float(os.environ.get("BUS_HANDLER_TIMEOUT", "30"))

if _url := os.environ.get("DATABASE_URL"):
    _parts = urlsplit(_url)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _parts.path[1:],
            "USER": _parts.username,
            "PASSWORD": _parts.password,
            "HOST": _parts.hostname,
            "PORT": _parts.port,
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DIRECTORY / "db.sqlite3",
            "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
            # A file: the worker's threads, and its process, share it.
            "TEST": {"NAME": DIRECTORY / "db.sqlite3"},
        }
    }
