"""Refusals over HTTP: each code's status, and the one shape that every error has."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import NoReverseMatch, reverse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import BaseModel

from bus.protocol.errors import (
    BusError,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    RateLimited,
    TooLong,
    Unauthenticated,
    Unavailable,
)
from bus.servers.django import mark_as_logged

logger = logging.getLogger(__name__)

# What a caller is told to wait where the refusal itself does not say, in seconds.
_RETRY_AFTER = {"busy": 2.0, "unavailable": 5.0}
# A broker that did not answer may have taken the message all the same.
_UNSURE = (
    "The service is not available. Send it again in a moment, with the same Idempotency-Key: "
    "it may have been accepted."
)
# What Django and Ninja refuse by status alone.
_KINDS: dict[int, type[BusError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    413: TooLong,
    429: RateLimited,
    503: Unavailable,
}


class ErrorBody(BaseModel):
    """What was refused and why; `field` names what to mend, `retry_after` is in seconds."""

    code: str
    message: str
    field: str | None = None
    retry_after: float | None = None


class Refusal(BaseModel):
    """The body of every answer from 400 on."""

    error: ErrorBody


def as_wire(error: BusError) -> dict[str, Any]:
    """The error object; `busy` and `unavailable` always say when to come back."""
    if isinstance(error, Unavailable):
        # Its text names our hosts, which is for our own log.
        error = Unavailable(_UNSURE, retry_after=error.retry_after)
    wire = error.as_wire()
    if error.code in _RETRY_AFTER:
        wire.setdefault("retry_after", _RETRY_AFTER[error.code])
    return wire


def say_when(response: HttpResponse, errors: Sequence[dict[str, Any]]) -> None:
    """Set `Retry-After`, in whole seconds, to the longest wait of these error objects, if any."""
    waits = [error["retry_after"] for error in errors if "retry_after" in error]
    if waits:
        response.headers["Retry-After"] = str(max(1, math.ceil(max(waits))))


def render(error: BusError, status: int | None = None) -> JsonResponse:
    """The whole answer to a request that was refused."""
    wire = as_wire(error)
    response = JsonResponse({"error": wire}, status=status or error.status)
    say_when(response, [wire])
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="bus"'
    # Said here, once, as loud as it is; Django would log each full channel as an error.
    mark_as_logged(response)
    if isinstance(error, Unavailable):
        logger.warning("A request was refused: %s", error)
    return response


def _docs() -> str:
    """Where the docs page is, or what stands in for it."""
    try:
        return reverse("bus:api:openapi-view")
    except NoReverseMatch:
        return "docs/http.md"


def refusal_of_status(status: int, request: HttpRequest) -> BusError:
    """What to say where only a status is known."""
    if status == 404:
        return NotFound(f"There is no {request.path}; see {_docs()}.")
    if status == 405:
        return Invalid(f"{request.path} does not take {request.method}; see the Allow header.")
    if status >= 500 and status not in _KINDS:
        return Internal()
    return _KINDS.get(status, Invalid)()


def too_large(limit: int) -> TooLong:
    """What to say to a body that is too large."""
    return TooLong(f"The request's body may have {limit} bytes.")


def too_late() -> Invalid:
    """What to say to a body that does not come."""
    return Invalid("The request's body did not come in time.")


def register(api: NinjaAPI) -> None:
    """Make an API refuse in our shape, whoever raises."""
    handlers: dict[type[Exception], Any] = {
        BusError: lambda error, _request: error,
        ValidationError: lambda error, _request: _invalid(error),
        AuthenticationError: lambda _error, _request: Unauthenticated(_HOW_TO_SIGN_IN),
        HttpError: lambda error, request: _of_http_error(error, request),
        Http404: lambda _error, request: refusal_of_status(404, request),
        RequestDataTooBig: lambda _error, request: refusal_of_status(413, request),
        OperationalError: _of_outage,
        InterfaceError: _of_outage,
        Exception: _of_bug,
    }
    for kind, refusal in handlers.items():
        api.add_exception_handler(kind, _answering(refusal))


_HOW_TO_SIGN_IN = (
    "Show an API key, `Authorization: Bearer <API key>` (`manage.py bus key create NAME` makes "
    "one), or sign in as staff."
)


# What is said of a whole body, by Pydantic's type of the error.
_BODIES = {
    "missing": "is missing",
    "list_type": "is not a JSON array",
    "model_type": "is not a JSON object",
    "model_attributes_type": "is not a JSON object",
}


def _answering(refusal: Any) -> Any:
    def handler(request: HttpRequest, error: Exception) -> HttpResponse:
        return render(refusal(error, request))

    return handler


def _invalid(error: ValidationError) -> Invalid:
    """The first thing that is wrong; paths are (source, argument if it is the body, field…)."""
    first = error.errors[0]
    source, *path = (str(part) for part in first["loc"])
    field = ".".join(path[1:] if source == "body" and len(path) > 1 else path)
    text = first["msg"].removeprefix("Value error, ")
    if source == "body" and len(path) <= 1:
        return Invalid(f"The body {_BODIES.get(first['type'], f'is wrong: {text}')}.")
    return Invalid(f"{field}: {text}", field=field)


def _of_http_error(error: HttpError, request: HttpRequest) -> BusError:
    # Ninja wraps what our own parser raises.
    if isinstance(error.__cause__, BusError):
        return error.__cause__
    return refusal_of_status(error.status_code, request)


def _of_outage(error: Exception, _request: HttpRequest) -> BusError:
    return Unavailable(f"The database does not answer ({error}).")


def _of_bug(error: Exception, request: HttpRequest) -> BusError:
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return Internal()
