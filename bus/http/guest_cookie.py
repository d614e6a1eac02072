"""The cookie by which a guest stays the same guest."""

from __future__ import annotations

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix

GUEST_COOKIE = "bus_guest"
# How long a guest stays the same guest, in seconds.
GUEST_AGE = 365 * 24 * 3600


def set_cookie_header(token: str, root: str = "/") -> str:
    """The `Set-Cookie` header with a guest's token; `root` is the path of the project."""
    # As remember_guest makes it, without the detour of a response: a storm of guests may come.
    secure = "; Secure" if settings.SESSION_COOKIE_SECURE else ""
    return (
        f"{GUEST_COOKIE}={token}; HttpOnly; Max-Age={GUEST_AGE}; Path={_path(root)}; "
        f"SameSite=Lax{secure}"
    )


def remember_guest(response: HttpResponseBase, token: str) -> None:
    """Set the cookie on a response."""
    response.set_cookie(
        GUEST_COOKIE,
        token,
        max_age=GUEST_AGE,
        path=_path(get_script_prefix()),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _path(root: str) -> str:
    # Without its slash: a browser sends it to `/live`, too.
    return root.rstrip("/") or "/"
