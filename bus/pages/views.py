"""The lobby, the room page, and what is said at a socket's address."""

from __future__ import annotations

import logging
from functools import lru_cache

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from bus.chat import lobby as lobby_list
from bus.chat import room_rights
from bus.chat.guest_tokens import guest_token
from bus.chat.visitors import with_network
from bus.conf import conf
from bus.http import client_address
from bus.http.guest_cookie import remember_guest
from bus.messaging import throttle
from bus.models import Room
from bus.pages.catalog import script_catalog
from bus.pages.context import render
from bus.pages.forms import RoomForm
from bus.pages.history import rows_of
from bus.pages.throttling import refusal
from bus.pages.visitor import visitor_of
from bus.posting import catch_up
from bus.posting.catch_up import Recovery
from bus.protocol.errors import Banned, Conflict, Forbidden, NotFound
from bus.servers.django import mark_as_logged

logger = logging.getLogger(__name__)

FIRST_PAGE = 50  # messages of the first paint


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def lobby(request: HttpRequest) -> HttpResponse:
    """The rooms that the visitor may see, and the way to others."""
    visitor = visitor_of(request)
    form = RoomForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        return redirect("bus:room", form.cleaned_data["name"])
    query, after = request.GET.get("q", "").strip(), request.GET.get("after", "")
    context = {
        "page": lobby_list.page(visitor, query, after),
        "query": query,
        "after": after,
        "form": form,
        "open_rooms": conf.open_rooms,
    }
    return render(request, "bus/lobby.html", context)


@never_cache
@require_safe
def room(request: HttpRequest, name: str) -> HttpResponse:
    """A room with its newest messages; scripts take over from there."""
    if not (isinstance(request, ASGIRequest) or conf.websocket_url):
        warn_of_wsgi()
    visitor = with_network(visitor_of(request), client_address.of_request(request).network)
    try:
        found = room_rights.enter(name, visitor).room
        if found.name != name:
            return redirect("bus:room", found.name)
        page = _first_page(found)
    except NotFound:
        return render(request, "bus/not_found.html", {"room_name": name}, status=404)
    except Conflict:
        return render(request, "bus/not_found.html", {"room_name": name, "alike": True}, status=409)
    except Forbidden as error:
        banned = isinstance(error, Banned)
        by_address = isinstance(error, Banned) and error.by_address
        context = {"room_name": name, "banned": banned, "by_address": by_address}
        return render(request, "bus/forbidden.html", context, status=403)
    if not found.pk:
        # So that nobody waits in a room that their socket may not make yet.
        quotas = throttle.new_room(visitor.key, client_address.of_request(request).address)
        refused = refusal(request, quotas, count=False)
        if refused is not None:
            return refused
    if visitor.new:
        address = client_address.of_request(request).address
        network = client_address.network_for_limits(address)
        refused = refusal(request, throttle.quota("guest", conf.guest_rate, network))
        if refused is not None:
            return refused
    context = {
        "room": found,
        "visitor": visitor,
        "rows": rows_of(page.messages, visitor.id),
        "since": page.head,  # what changes after this is fetched on joining
        "more": len(page.messages) >= FIRST_PAGE,
        "websocket_url": conf.websocket_url or reverse("bus:websocket"),
        "body_limit": conf.body_limit,
        "catalog": script_catalog(),
    }
    response = render(request, "bus/room.html", context)
    if visitor.guest:
        remember_guest(response, guest_token(visitor))
    return response


def upgrade_required(request: HttpRequest, **_room: str) -> HttpResponse:
    """What is said by plain HTTP where a WebSocket is."""
    text = "Here is a WebSocket; see docs/protocol.md.\n"
    response = HttpResponse(text, content_type="text/plain; charset=utf-8", status=426)
    # WSGI leaves what is between two hops to its server.
    if isinstance(request, ASGIRequest):
        response.headers["Upgrade"] = "websocket"
    mark_as_logged(response)
    return response


@lru_cache(1)
def warn_of_wsgi() -> None:
    """Say once why nobody can write in this project's rooms."""
    logger.warning(
        "A room's page is served by WSGI, through which no WebSocket comes: nobody can write. "
        "Run `manage.py up`, or serve asgi.py (docs/servers.md); where another server has the "
        "sockets, name them in BUS_WEBSOCKET_URL."
    )


def _first_page(room: Room) -> Recovery:
    # What the first join will make has nothing in it.
    return catch_up.recover(room.pk, None, FIRST_PAGE) if room.pk else Recovery(0, True, [])
