"""Who calls the HTTP API: a backend by its key, or staff by the session cookie.

Each endpoint states the permission of Django that staff need for it; keys need none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from ninja.security.base import AuthBase

from bus.chat import api_keys
from bus.conf import conf
from bus.http import client_address
from bus.messaging import throttle
from bus.protocol.errors import Forbidden, Unauthenticated
from bus.servers import django


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made a request: `key.7` or `user.7`, and a name for people."""

    id: str
    name: str


def caller_of(request: HttpRequest) -> Caller:
    """Who was let in."""
    caller = getattr(request, "auth", None)
    if not isinstance(caller, Caller):
        raise Unauthenticated
    return caller


class ApiKeyAuth(AuthBase):
    """`Authorization: Bearer <API key>`."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    async def __call__(self, request: HttpRequest) -> Caller | None:
        """The key's owner; None where no key is shown; raises Unauthenticated for a wrong one,
        RateLimited after too many."""
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, text = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("The Authorization header must say `Bearer <API key>`.")
        text = text.strip()
        check = partial(sync_to_async(api_keys.check), text)
        address = client_address.of_request(request).address
        key = await throttle.prove("key", conf.secret_rate, address, text, check)
        return Caller(f"key.{key.pk}", key.name)


class StaffAuth(AuthBase):
    """The session cookie of a staff user, with Django's CSRF token on calls that write."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = settings.SESSION_COOKIE_NAME
    # Tells the docs page to send the token.
    csrf = True

    def __init__(self, permission: str = "") -> None:
        """An endpoint that states no permission is for superusers alone."""
        super().__init__()
        self.permission = permission

    async def __call__(self, request: HttpRequest) -> Caller | None:
        """The staff user; None where nobody is signed in; raises Forbidden for others."""
        user = await user_of(request)
        if not user.is_authenticated:
            return None
        if not getattr(user, "is_staff", False):
            raise Forbidden("Only staff may call the API with a session.")
        _check_csrf(request)
        if not await may(user, self.permission):
            raise Forbidden(f"This needs the permission {self.permission or 'of a superuser'}.")
        return Caller(f"user.{user.pk}", user.get_username())


async def user_of(request: HttpRequest) -> Any:
    """Who is signed in: nobody, too, in a project without AuthenticationMiddleware."""
    auser = getattr(request, "auser", None)
    return AnonymousUser() if auser is None else await auser()


async def may(user: Any, permission: str) -> bool:
    """Whether a user has a permission; one of a model without permissions has none."""
    if hasattr(user, "ahas_perm"):
        return bool(await user.ahas_perm(permission))
    return hasattr(user, "has_perm") and bool(await sync_to_async(user.has_perm)(permission))


def needs(permission: str) -> dict[str, Any]:
    """What an operation is made with whose callers, where they are staff, need a permission."""
    return {
        "auth": [ApiKeyAuth(), StaffAuth(permission)],
        "openapi_extra": {"x-permission": permission},
    }


def _check_csrf(request: HttpRequest) -> None:
    # Ninja's views are exempt from the middleware, since keys need no token.
    reason = django.csrf_fault(request)
    if reason is not None:
        raise Forbidden(f"CSRF: {reason}. Send the cookie's token as X-CSRFToken.")
