"""API keys: made, checked and revoked; the secret is shown once, when the key is made."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
import re
import secrets

from django.db import OperationalError
from django.db.models import Q
from django.utils import timezone

from bus.models import ApiKey
from bus.protocol.errors import Invalid, NotFound, Unauthenticated

logger = logging.getLogger(__name__)

_KEY = re.compile(r"(bus_[0-9a-f]{12})_([0-9a-f]{48})")
_NAME_LIMIT = 100
# A key that is used all the time is written this seldom.
_LAST_USED_STEP = dt.timedelta(minutes=1)
# Compared with where there is no such key, so that the answer takes as long.
_NO_DIGEST = "0" * 64


def create(name: str) -> tuple[ApiKey, str]:
    """A new key, and the text of it that its owner shows; nobody can read that text again."""
    name = name.strip()
    if not 0 < len(name) <= _NAME_LIMIT or not name.isprintable():
        raise Invalid(f"A key's name has 1 to {_NAME_LIMIT} printable characters.", field="name")
    prefix, secret = f"bus_{secrets.token_hex(6)}", secrets.token_hex(24)
    key = ApiKey.objects.create(name=name, prefix=prefix, digest=_digest(secret))
    return key, f"{prefix}_{secret}"


def check(text: str) -> ApiKey:
    """The key of this text, noted as used; raises Unauthenticated."""
    parts = _KEY.fullmatch(text)
    if parts is None:
        raise Unauthenticated("This is not an API key of Bus.")
    key = ApiKey.objects.filter(prefix=parts[1], revoked_at=None).first()
    known = hmac.compare_digest(key.digest if key else _NO_DIGEST, _digest(parts[2]))
    if key is None or not known:
        raise Unauthenticated("This API key is not valid, or no longer.")
    _note_use(key)
    return key


def revoke(prefix: str) -> ApiKey:
    """Make a key, named by its prefix, worthless at once and for good; raises NotFound."""
    key = ApiKey.objects.filter(prefix=prefix).first()
    if key is None:
        raise NotFound(f"There is no API key {prefix}.")
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
    return key


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    stale = now - _LAST_USED_STEP
    if key.last_used_at is None or key.last_used_at <= stale:
        # Asked again by the database: of many requests at once, one writes.
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=stale)
        try:
            ApiKey.objects.filter(unnoted, pk=key.pk).update(last_used_at=now)
        except OperationalError as error:
            # Read-only or locked: no reason to refuse a good key.
            logger.warning("The use of %s was not noted: %s", key, error)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
