"""What stands at the site's root."""

from __future__ import annotations

from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The site's root is the lobby."""
    return redirect("bus:lobby")


@require_safe
@cache_control(public=True, max_age=86_400)
def icon(_request: HttpRequest) -> HttpResponse:
    """What browsers ask for wherever a page names no icon, as those of the API and the admin."""
    found = finders.find("bus/favicon.ico")
    return HttpResponse(Path(str(found)).read_bytes(), content_type="image/x-icon")
