"""The cookie by which a guest stays the same guest."""

from __future__ import annotations

from django.conf import settings
from django.http.response import HttpResponseBase

GUEST_COOKIE = "bus_guest"
# How long a guest stays the same guest, in seconds.
GUEST_AGE = 365 * 24 * 3600


def set_cookie_header(token: str) -> str:
    """The `Set-Cookie` header with a guest's token."""
    # As remember_guest makes it, without the detour of a response: a storm of guests may come.
    secure = "; Secure" if settings.SESSION_COOKIE_SECURE else ""
    return f"{GUEST_COOKIE}={token}; HttpOnly; Max-Age={GUEST_AGE}; Path=/; SameSite=Lax{secure}"


def remember_guest(response: HttpResponseBase, token: str) -> None:
    """Set the cookie on a response."""
    response.set_cookie(
        GUEST_COOKIE,
        token,
        max_age=GUEST_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
