"""Django's settings, from the environment; with nothing set, everything runs embedded."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import dj_database_url
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

import bus
from bus.conf import paths
from bus.conf.environment import from_environment
from bus.conf.kinds import parse_bool
from bus.conf.table import all_settings
from bus.embedded import private_files
from config import conf, logs, mail, security

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = paths.var_dir()

REDIS_URL = os.environ.get("REDIS_URL", "")
DATABASE_URL = os.environ.get("DATABASE_URL", "")
EMBEDDED = not REDIS_URL and not DATABASE_URL
DEBUG = parse_bool(os.environ.get("DEBUG", "0"))


def _list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


# As many as the key of HMAC-SHA-256 has bytes; `check --deploy` asks for 50.
_KEY_LENGTH = 32
_KEY_LETTERS = 8


def _refuse_weak(key: str) -> None:
    """Raise ImproperlyConfigured for a key that somebody could try out."""
    told = key.startswith("django-insecure-")
    if told or len(key) < _KEY_LENGTH or len(set(key)) < _KEY_LETTERS:
        raise ImproperlyConfigured(
            "SECRET_KEY is too easy to guess: whoever has it can sign in as anybody. It needs at "
            f"least {_KEY_LENGTH} characters, better 50, {_KEY_LETTERS} of them different, and "
            "none that a tutorial shows. This makes one: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )


def _secret_key() -> str:
    """The SECRET_KEY of the environment, or one made once and kept under `var/`."""
    given = os.environ.get("SECRET_KEY")
    if given:
        if not DEBUG:
            _refuse_weak(given)
        return given
    if REDIS_URL and DATABASE_URL:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. With REDIS_URL and DATABASE_URL set, processes may run on "
            "several machines and must share one: set SECRET_KEY to a long random text."
        )
    path = VAR_DIR / "secret_key"
    try:
        return path.read_text("ascii")
    except FileNotFoundError:
        private_files.make_directory(path.parent)
        # Written aside and linked: two processes that start at once agree on the first.
        draft = path.with_name(f"secret_key.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50), "ascii")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text("ascii")


private_files.tighten(VAR_DIR)
SECRET_KEY = _secret_key()
ALLOWED_HOSTS = _list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = _list("CSRF_TRUSTED_ORIGINS")

BUS_DATABASE_CONNECTIONS: int = all_settings()["BUS_DATABASE_CONNECTIONS"].default
globals().update(from_environment(os.environ, conf.own_settings()))
if "BUS_HTTPS" not in os.environ:
    BUS_HTTPS = not EMBEDDED and not DEBUG
EMAIL_URL = os.environ.get("EMAIL_URL", "")
if EMAIL_URL:
    globals().update(mail.from_url(EMAIL_URL))
if "BUS_UNIQUE_NAMES" not in os.environ:
    BUS_UNIQUE_NAMES = True
if "BUS_PASSWORD_RESET" not in os.environ:
    BUS_PASSWORD_RESET = bool(EMAIL_URL)
# All of its processes are ours.
globals().setdefault("BUS_BOUND_ALL_REQUESTS", True)
globals().setdefault("BUS_TUNE_PROCESSES", True)
if "BUS_OPEN_ROOMS" not in os.environ:
    BUS_OPEN_ROOMS = EMBEDDED
if "BUS_BASE_TEMPLATE" not in os.environ:
    # With the ways to sign up and to change a password.
    BUS_BASE_TEMPLATE = "base.html"
if EMBEDDED:
    # One machine and its owner, who may try how much it takes.
    globals().setdefault("BUS_PLAIN_SEND_RATE", 0.0)
    globals().setdefault("BUS_REWRITE_INTERVAL", 600.0)
    for _what in ("USER_ROOM", "ADDRESS_ROOM", "ROOM", "GUEST"):
        globals().setdefault(f"BUS_{_what}_RATE", "0")

# daphne comes first: it replaces `runserver`. config comes before what its templates and commands
# replace, bus before channels: it replaces `runworker`.
INSTALLED_APPS = [
    "daphne",
    "config",
    "bus",
    "channels",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    # For the files of the API's docs page.
    "ninja",
]

MIDDLEWARE = [
    "config.scheme.forwarded_scheme",
    "bus.api.middleware.ApiEdge",
    "bus.http.null_characters.without_nul",
    "django.middleware.security.SecurityMiddleware",
    "config.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

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


def _database() -> dict[str, Any]:
    """DATABASE_URL, or SQLite under `var/`, set up for several processes (WAL, IMMEDIATE)."""
    url = DATABASE_URL or f"sqlite:///{VAR_DIR / 'bus.sqlite3'}"
    config: dict[str, Any] = dict(dj_database_url.parse(url))
    config["CONN_HEALTH_CHECKS"] = True
    if config["ENGINE"] == "django.db.backends.postgresql":
        config["OPTIONS"] = {
            # The threads of a web process end with their requests, and share these.
            "pool": {
                "min_size": 0,
                "max_size": BUS_DATABASE_CONNECTIONS,
                "timeout": 5,
                # Else the pool's next try comes long after a server that was away is back.
                "reconnect_timeout": 2,
            },
            # A server that went away without a word is noticed: s, s, s, count, ms.
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            **config.get("OPTIONS", {}),
        }
    if config["ENGINE"] == "django.db.backends.sqlite3":
        _make_database(config["NAME"])
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
            # 16 MB; the default of 2 MB is less than the indexes of a busy week.
            "PRAGMA cache_size=-16000; "
            # What was removed is overwritten, not only let go of.
            "PRAGMA secure_delete=ON;",
        }
        # A file, so that tests with several threads or processes see one database.
        config["TEST"] = {"NAME": str(VAR_DIR / f"test-{os.getpid()}.sqlite3")}
    return config


def _make_database(name: str) -> None:
    """Have SQLite find an empty file that is its owner's alone, and tests their directory."""
    if ":memory:" in name or name.startswith("file:"):
        return
    # Where that is impossible, SQLite says so to whoever needs it.
    with suppress(OSError):
        private_files.make_directory(Path(name).parent)
        private_files.make_database(Path(name))
        private_files.make_directory(VAR_DIR)


DATABASES = {"default": _database()}

BROKER_URL = REDIS_URL or paths.embedded_broker_url()
CHANNEL_LAYERS = bus.channel_layers(BROKER_URL)

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ko", "한국어")]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = os.environ.get("STATIC_URL", "static/")
STORAGES = {
    **global_settings.STORAGES,
    "staticfiles": {"BACKEND": "config.static_files.Storage"},
}
if "BUS_CONTENT_SECURITY_POLICY" not in os.environ:
    BUS_CONTENT_SECURITY_POLICY = security.content_policy(
        STATIC_URL, os.environ.get("BUS_WEBSOCKET_URL", "")
    )
# Serves straight from the apps: nothing to collect before the first start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "bus:lobby"
AUTHENTICATION_BACKENDS = [
    "config.sign_in.SignInBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# What BUS_SIGN_IN_* say; see config/sign_in.py.
AXES_HANDLER = "config.sign_in.SignInHandler"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = "config.sign_in.failure_limit"
AXES_COOLOFF_TIME = "config.sign_in.pause"
AXES_LOCKOUT_CALLABLE = "config.sign_in.locked_out"
AXES_CLIENT_IP_CALLABLE = "config.sign_in.address"
AXES_RESET_ON_SUCCESS = True
# Who comes back too early does not wait longer, and a lock that is tried at writes nothing.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# Who signed in when, from where: nobody asks for it, so it is not kept.
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
# The log tells addresses, for who bans by them; a name may be a password in the wrong field.
AXES_SENSITIVE_PARAMETERS = ["username"]
PASSWORD_HASHERS = [
    "config.password_hashing.PatientPBKDF2PasswordHasher",
    *global_settings.PASSWORD_HASHERS[1:],
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
] + [{"NAME": "config.password_validation.GuessableValidator"}]

if BUS_HTTPS:
    # See config/scheme.py for who is believed, and who is sent on to https.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = globals().get("BUS_HSTS", conf.own_settings()["BUS_HSTS"].default)
    # W005, W021: whether all of a domain is ours to speak for, its owner knows alone. W008: Django
    # would send probes and services on, too, and those of a proxy that does not tell in a circle.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]

LOGGING = logs.as_text_or_json(os.environ.get("LOG_FORMAT", "text"))
