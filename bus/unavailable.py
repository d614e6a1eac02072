"""The answer to a request that could not be served now: a page, or the API's JSON."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils import translation
from django.views.defaults import server_error

from bus.api import errors
from bus.database.connection_limit import RETRY_AFTER, TIMEOUT
from bus.http import urls
from bus.protocol.errors import BusError, Unavailable
from bus.servers.django import mark_as_logged

logger = logging.getLogger(__name__)

_OUTAGES = (OperationalError, InterfaceError, Unavailable)


def answer(request: HttpRequest) -> HttpResponse:
    """What is said to a request that waited for a database connection in vain."""
    refusal = Unavailable(
        f"No database connection became free in {TIMEOUT:g} s; see BUS_DATABASE_CONNECTIONS.",
        retry_after=RETRY_AFTER,
    )
    # Before any middleware: the language is found here.
    with translation.override(translation.get_language_from_request(request)):
        return _refused(request, refusal)


def refused_in_outage(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that says by itself what `failed` says, whatever the project's `handler500`."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except _OUTAGES as error:
            return _refused(request, _as_refusal(error))

    return page


def failed(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`: a server that is away is not an error of ours."""
    error = sys.exc_info()[1]
    if not isinstance(error, _OUTAGES):
        return server_error(request)
    return _refused(request, _as_refusal(error))


def _as_refusal(error: Exception) -> BusError:
    if isinstance(error, BusError):
        return error
    return Unavailable(f"The database does not answer ({error}).", retry_after=RETRY_AFTER)


def _refused(request: HttpRequest, error: BusError) -> HttpResponse:
    if urls.is_api(request.path_info):
        return errors.render(error)
    logger.warning("%s %s was refused: %s", request.method, request.path, error)
    # Neither the project's base nor its context processors, which may ask what is away.
    page = loader.render_to_string("bus/503.html", {"bus": {"base": "bus/base.html"}})
    response = HttpResponse(page, status=503)
    errors.say_when(response, [errors.as_wire(error)])
    mark_as_logged(response)
    return response
