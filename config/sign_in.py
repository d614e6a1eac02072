"""Guessed passwords: django-axes locks a name for an address, and throttles slow the rest down.

All ways to sign in go through here, the admin's too. Who signed in from an address before is let
try from there whatever others guess: neither strangers who guess one name from many addresses lock
its owner out, nor somebody in a school all of the school.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from asgiref.sync import async_to_sync
from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from django.http import HttpRequest, HttpResponse

from bus.chat import clock
from bus.http import client_address
from bus.messaging import throttle
from bus.messaging.quota import Quota
from bus.pages.throttling import too_many
from bus.protocol.errors import RateLimited
from config.conf import conf

# How long an address is one that somebody signs in from, in seconds.
_KNOWN_FOR = 30 * 24 * 3600.0
_NO_LIMIT = 2**31 - 1


class SignInBackend(AxesStandaloneBackend):
    """Stops those who may not try now; the backends after it look at the password."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Raise PermissionDenied for who has to wait; code that signs in by itself has no request
        and may."""
        if request is not None:
            super().authenticate(request, **credentials)


class SignInHandler(AxesDatabaseHandler):
    """What django-axes asks, and tells of every attempt."""

    def is_allowed(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        """Whether a password may be looked at; it counts as wrong until it was right."""
        # Nobody is locked out for longer where this machine's clock is set back.
        request.axes_attempt_time = clock.now()
        if not super().is_allowed(request, credentials):
            request.bus_retry_after = self._pause_left(request, credentials)
            return False
        name = get_client_username(request, credentials) or ""
        try:
            request.bus_attempt = async_to_sync(_attempt)(name, request)
        except RateLimited as error:
            request.bus_retry_after = error.retry_after or 0
            return False
        return True

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any
    ) -> None:
        """Keep a wrong password in mind."""
        if request is None:
            return
        super().user_login_failed(sender, credentials, request, **kwargs)
        if getattr(request, "axes_locked_out", False) and not hasattr(request, "bus_retry_after"):
            request.bus_retry_after = self._pause_left(request, credentials)

    def user_logged_in(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        """It was right: forget that it was counted, and keep in mind where it was."""
        super().user_logged_in(sender, request, user, **kwargs)
        attempt = getattr(request, "bus_attempt", [])
        async_to_sync(_succeed)(user.get_username(), request, attempt)

    def _pause_left(self, request: Any, credentials: dict[str, Any] | None) -> float:
        """Until the last wrong password of this name from there is forgotten, in seconds."""
        tried = self.get_user_attempts(request, credentials)[0].order_by("-attempt_time").first()
        if tried is None:
            return conf.sign_in_pause
        passed: dt.timedelta = request.axes_attempt_time - tried.attempt_time
        return conf.sign_in_pause - passed.total_seconds()


def locked_out(request: Any, *_more: Any) -> HttpResponse:
    """The answer to who has to wait (AXES_LOCKOUT_CALLABLE)."""
    return too_many(request, getattr(request, "bus_retry_after", conf.sign_in_pause))


def address(request: HttpRequest) -> str | None:
    """Where an attempt comes from (AXES_CLIENT_IP_CALLABLE); the first address of an IPv6 /64."""
    return (
        client_address.network_of(client_address.of_request(request).address).partition("/")[0]
        or None
    )


def failure_limit(*_args: Any) -> int:
    """How many wrong passwords lock a name for an address (AXES_FAILURE_LIMIT)."""
    return conf.sign_in_attempts or _NO_LIMIT


def pause(*_args: Any) -> dt.timedelta:
    """For how long (AXES_COOLOFF_TIME)."""
    return dt.timedelta(seconds=conf.sign_in_pause)


async def _attempt(name: str, request: HttpRequest) -> list[Quota]:
    """Count an attempt, before it is looked at, so that many at once are no way around; what was
    counted. Raises RateLimited."""
    address = client_address.of_request(request).address
    pair = _quota_of(name, address)
    everybody = throttle.by_address("sign-in", conf.sign_in_address_rate, address)
    everybody += throttle.by_text("sign-in-as", conf.sign_in_name_rate, name)
    try:
        await throttle.take(pair + everybody)
    except RateLimited:
        if not await throttle.is_marked(f"signed-in:{_pair(name, address)}"):
            raise
        await throttle.take(pair)
        return pair
    return pair + everybody


async def _succeed(name: str, request: HttpRequest, attempt: list[Quota]) -> None:
    address = client_address.of_request(request).address
    pair = _quota_of(name, address)
    await throttle.give(quota for quota in attempt if quota not in pair)
    await throttle.forget(pair)
    if address:
        await throttle.mark(f"signed-in:{_pair(name, address)}", _KNOWN_FOR)


def _quota_of(name: str, address: str) -> list[Quota]:
    """The same as django-axes', which counts what has failed: of many at once it is too late."""
    if not conf.sign_in_attempts:
        return []
    return [Quota(f"sign-in:{_pair(name, address)}", conf.sign_in_attempts, conf.sign_in_pause)]


def _pair(name: str, address: str) -> str:
    return f"{throttle.digest(name)}:{client_address.network_of(address)}"
