"""What Bus relies on in Django beyond its public API.

Read: Django 5.2.19, Django 6.0.10, Django 6.1.3 (utils/log.py, middleware/csrf.py).
Relies on:
    django.utils.log.log_response: `getattr(response, "_has_been_logged", False)`
    django.middleware.csrf.CsrfViewMiddleware: _reject, process_request, process_view
    django.middleware.csrf.CsrfViewMiddleware.process_view:
        `getattr(request, "csrf_processing_done", False)`
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware


def mark_as_logged(response: HttpResponseBase) -> None:
    """Have Django log nothing about a response: it would, for each status from 400 on."""
    response._has_been_logged = True  # type: ignore[attr-defined]


def csrf_fault(request: HttpRequest) -> str | None:
    """What is wrong with a request's CSRF token, also where its view is exempt; None if nothing."""
    check = _CsrfCheck(_no_view)
    request.csrf_processing_done = False  # type: ignore[attr-defined]
    check.process_request(request)
    refusal = check.process_view(request, _no_view, (), {})
    return None if refusal is None else refusal.content.decode().rstrip(".")


class _CsrfCheck(CsrfViewMiddleware):
    """Django's check without its page, which would ask the database."""

    def _reject(self, _request: HttpRequest, reason: str) -> HttpResponse:
        return HttpResponseForbidden(reason)


def _no_view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()
