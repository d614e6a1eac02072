"""Programs reach what Bus answers for them, whatever a project asks of its people."""

from __future__ import annotations

import pytest
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import resolve, reverse

PATHS = ["bus:livez", "bus:readyz", "bus:api:api-root"]


@pytest.mark.parametrize("name", PATHS)
def test_transactions_of_requests_are_not_around_what_is_asynchronous(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    view = resolve(reverse(name)).func
    assert BaseHandler().make_view_atomic(view) is view


@pytest.mark.parametrize("name", [*PATHS, "bus:lobby"])
def test_a_project_that_asks_everybody_to_sign_in_asks_no_program(name: str) -> None:
    request = RequestFactory().get(reverse(name))
    request.user = AnonymousUser()
    view = resolve(reverse(name)).func
    middleware = LoginRequiredMiddleware(lambda _: HttpResponse())
    assert (middleware.process_view(request, view, (), {}) is None) is (name in PATHS)
