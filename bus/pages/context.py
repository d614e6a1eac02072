"""What every page is rendered with, whatever context processors the project has."""

from __future__ import annotations

from typing import Any

from django.conf import global_settings, settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from bus.chat.visitors import visitor_of_user
from bus.conf import conf

# As django.contrib.auth.urls and django-allauth call them.
_WAYS_OUT = ("logout", "account_logout")
_WAYS_UP = ("signup", "account_signup")


def render(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """A page in the project's base template (BUS_BASE_TEMPLATE)."""
    whole = {**(context or {}), "bus": page_context(request)}
    return render_template(request, template, whole, status=status)


def page_context(request: HttpRequest) -> dict[str, str]:
    """The base template, the name of who is signed in, and the project's ways in and out; each is
    "" where there is none."""
    visitor = visitor_of_user(getattr(request, "user", None))
    return {
        "base": conf.base_template,
        "user": visitor.name if visitor else "",
        "login_url": _login_url(request),
        "logout_url": _first(_WAYS_OUT),
        "signup_url": _first(_WAYS_UP),
    }


def _login_url(request: HttpRequest) -> str:
    """The project's LOGIN_URL, and back from there."""
    if settings.LOGIN_URL == global_settings.LOGIN_URL and not _is_served(settings.LOGIN_URL):
        # Nobody has said that there is such a page.
        return ""
    try:
        return redirect_to_login(request.get_full_path()).url
    except NoReverseMatch:
        return ""


def _is_served(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def _first(names: tuple[str, ...]) -> str:
    """The address of the first of these routes that the project has."""
    for name in names:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""
