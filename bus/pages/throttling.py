"""What a page answers to those who knock too often."""

from __future__ import annotations

import math
from collections.abc import Iterable

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse

from bus.messaging import throttle
from bus.messaging.quota import Quota
from bus.pages.context import render
from bus.protocol.errors import RateLimited
from bus.servers.django import mark_as_logged


def too_many(request: HttpRequest, wait: float) -> HttpResponse:
    """The page that says when to try again, as `Retry-After` does for programs."""
    seconds = max(1, math.ceil(wait))
    response = render(request, "bus/429.html", {"minutes": math.ceil(seconds / 60)}, status=429)
    response.headers["Retry-After"] = str(seconds)
    # Django would log each that is turned away.
    mark_as_logged(response)
    return response


def give_back(quotas: Iterable[Quota]) -> None:
    """Count something no longer: it was none of what is limited."""
    async_to_sync(throttle.give)(quotas)


def refusal(
    request: HttpRequest, quotas: Iterable[Quota], *, count: bool = True
) -> HttpResponse | None:
    """Count something, unless that is done later; the page for who did it too often."""
    try:
        async_to_sync(throttle.take if count else throttle.look)(quotas)
    except RateLimited as error:
        return too_many(request, error.retry_after or 0)
    return None
