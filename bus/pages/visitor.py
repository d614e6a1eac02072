"""Who asks for a page."""

from __future__ import annotations

from django.http import HttpRequest

from bus.chat.guest_tokens import visitor_of_cookies
from bus.chat.visitors import Visitor, visitor_of_user


def visitor_of(request: HttpRequest) -> Visitor:
    """Who made a request; somebody without a cookie is a new guest."""
    user = visitor_of_user(getattr(request, "user", None))
    return user or visitor_of_cookies(request.COOKIES)
