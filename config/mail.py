"""How mail is sent, from one address: `EMAIL_URL`."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

# Each scheme's port, and what is encrypted: all (465), or from STARTTLS on (587).
_SMTP = {
    "smtp": (25, {}),
    "smtps": (465, {"EMAIL_USE_SSL": True}),
    "submission": (587, {"EMAIL_USE_TLS": True}),
}
# A mail server that is silent holds nobody up for longer, in seconds.
_TIMEOUT = 10
_FORM = "smtps://USER:PASSWORD@HOST/?from=bus@example.org"


def from_url(url: str) -> dict[str, Any]:
    """Django's settings for mail; raises ImproperlyConfigured."""
    parts = urlsplit(url)
    sender = parse_qs(parts.query).get("from", [unquote(parts.username or "")])[0]
    if "@" not in sender:
        raise ImproperlyConfigured(f"EMAIL_URL does not say whom mails are from: {_FORM}")
    return {**_backend(parts), "DEFAULT_FROM_EMAIL": sender, "SERVER_EMAIL": sender}


def _backend(parts: SplitResult) -> dict[str, Any]:
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme == "file":
        backend = "django.core.mail.backends.filebased.EmailBackend"
        return {"EMAIL_BACKEND": backend, "EMAIL_FILE_PATH": unquote(parts.path)}
    try:
        standard, encrypted = _SMTP[parts.scheme]
        port = parts.port or standard
    except (KeyError, ValueError):
        raise ImproperlyConfigured(
            f"EMAIL_URL is smtps:// (TLS), submission:// (STARTTLS), smtp://, console: or "
            f"file:///directory, as in {_FORM}"
        ) from None
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_TIMEOUT": _TIMEOUT,
        **encrypted,
    }
