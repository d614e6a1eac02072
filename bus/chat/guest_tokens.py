"""What a guest shows to be the same guest again: in a cookie, or without cookies in a command."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from django.conf import settings
from django.core import signing

from bus.chat.visitors import Visitor, new_guest
from bus.http.guest_cookie import GUEST_AGE, GUEST_COOKIE
from bus.protocol.errors import Unauthenticated

_SALT = "bus.guest"


def visitor_of_token(token: str) -> Visitor:
    """Who shows a token; raises Unauthenticated."""
    try:
        claims = signing.loads(token, salt=_SALT, max_age=GUEST_AGE)
        return Visitor(key=claims["k"], id=claims["k"], name=claims["n"])
    except (signing.BadSignature, KeyError, TypeError) as error:
        raise Unauthenticated("This token is not valid, or no longer.") from error


def visitor_of_cookies(cookies: Mapping[str, str]) -> Visitor:
    """Who shows a token in a cookie; a new guest where there is none, or none that is valid."""
    cookie = cookies.get(GUEST_COOKIE)
    if cookie:
        try:
            return visitor_of_token(cookie)
        except Unauthenticated:
            pass
    return new_guest()


# A session needs it twice: for the cookie, and for who has no cookies.
@lru_cache(256)
def guest_token(visitor: Visitor) -> str:
    """What a guest shows to be the same guest again."""
    # As signing.dumps, without a new signer for each.
    return _signer(settings.SECRET_KEY).sign_object({"k": visitor.key, "n": visitor.name})


@lru_cache(1)
def _signer(secret: str) -> signing.TimestampSigner:
    return signing.TimestampSigner(key=secret, salt=_SALT)
