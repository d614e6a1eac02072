"""The settings of a project whose users HOST_USERS chooses: uuid, text, email, child or proxy."""

import os
from urllib.parse import urlsplit

import bus
from bus.conf.paths import var_dir

USERS = os.environ["HOST_USERS"]
SECRET_KEY = "for tests only; nothing real is signed with it, ever"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
INSTALLED_APPS = [
    "people",
    "bus",
    "channels",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "urls"
ASGI_APPLICATION = "asgi.application"
STATIC_URL = "/static/"
AUTH_USER_MODEL = "auth.User" if USERS == "proxy" else "people.Person"
MIGRATION_MODULES = {"people": f"people.migrations.{USERS}"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHANNEL_LAYERS = bus.channel_layers()
BUS_USER_ADAPTER = "people.adapter.Adapter"
BUS_PRESENCE_GRACE = 0.0
BUS_RIGHTS_AGE = 0.0

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
            "OPTIONS": {"pool": True},
            "TEST": {"NAME": f"{_parts.path[1:]}_{USERS}"},
        }
    }
else:
    _name = var_dir() / "users.sqlite3"
    _name.parent.mkdir(parents=True, exist_ok=True)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": _name,
            "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
            # A file: sockets and workers read it from threads of their own.
            "TEST": {"NAME": _name},
        }
    }
