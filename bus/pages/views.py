"""The lobby, the room page and sign-up."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.views import RedirectURLMixin
from django.forms import BaseModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from django.views.generic import CreateView

from bus import addresses, throttle
from bus.conf import conf
from bus.errors import Conflict, Forbidden, NotFound
from bus.fields import canonical_name
from bus.models import Room
from bus.pages.catalog import script_catalog
from bus.pages.forms import RoomForm, SignUpForm
from bus.pages.history import rows_of
from bus.pages.limits import refusal
from bus.services import access, history
from bus.services import lobby as lobby_list
from bus.services.history import Recovery

FIRST_PAGE = 50  # messages of the first paint


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The site's root is the lobby."""
    return redirect("lobby")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def lobby(request: HttpRequest) -> HttpResponse:
    """The rooms that the visitor may see, and the way to others."""
    visitor = access.visitor_of(request)
    form = RoomForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        return redirect("room", form.cleaned_data["name"])
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
    canonical = canonical_name(name)
    if canonical not in (None, name):
        return redirect("room", canonical)
    visitor = access.visitor_of(request)
    try:
        if canonical is None:
            raise NotFound
        found = access.enter(canonical, visitor).room
        page = _first_page(found)
    except NotFound:
        return render(request, "404.html", {"room_name": name}, status=404)
    except Conflict:
        return render(request, "404.html", {"room_name": name, "alike": True}, status=409)
    except Forbidden as error:
        context = {"room_name": name, "banned": error.code == "banned"}
        return render(request, "403.html", context, status=403)
    if not found.pk:
        # So that nobody waits in a room that their socket may not make yet.
        quotas = throttle.new_room(visitor.key, addresses.address_of(request))
        refused = refusal(request, quotas, count=False)
        if refused is not None:
            return refused
    if visitor.new:
        place = addresses.place_of(addresses.address_of(request))
        refused = refusal(request, throttle.quota("guest", conf.guest_rate, place))
        if refused is not None:
            return refused
    context = {
        "room": found,
        "visitor": visitor,
        "rows": rows_of(page.messages, visitor.id),
        "since": page.head,  # what changes after this is fetched on joining
        "more": len(page.messages) >= FIRST_PAGE,
        "body_limit": conf.body_limit,
        "catalog": script_catalog(),
    }
    response = render(request, "bus/room.html", context)
    access.remember_guest(response, visitor)
    return response


def _first_page(room: Room) -> Recovery:
    # What the first join will make has nothing in it.
    return history.recover(room, None, FIRST_PAGE) if room.pk else Recovery(0, True, [])


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SignUp(RedirectURLMixin, CreateView):  # type: ignore[type-arg]
    """Makes an account and signs it in."""

    form_class = SignUpForm
    template_name = "registration/signup.html"
    next_page = "lobby"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Who is signed in already has nothing to do here."""
        if request.user.is_authenticated:
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The form, and where to go after it."""
        return super().get_context_data(next=self.get_redirect_url(), **kwargs)

    def form_valid(self, form: BaseModelForm[Any]) -> HttpResponse:
        """Sign the new account in, and go on to where the visitor was heading."""
        place = addresses.address_of(self.request)
        refused = refusal(self.request, throttle.by_address("sign-up", conf.sign_up_rate, place))
        if refused is not None:
            return refused
        login(self.request, form.save(), backend="django.contrib.auth.backends.ModelBackend")
        return HttpResponseRedirect(self.get_success_url())
