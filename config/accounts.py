"""Accounts: signing in and up, and the password, changed or forgotten."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login
from django.contrib.auth import views as auth
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm
from django.forms import BaseModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import CreateView

from bus.http import client_address
from bus.messaging import throttle
from bus.messaging.quota import Quota
from bus.pages.throttling import give_back, refusal
from config.conf import conf
from config.forms import SignUpForm

_BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(auth.LoginView):
    """Django's own; see config/sign_in.py for what it guards against."""

    redirect_authenticated_user = True
    next_page = "bus:lobby"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The form, and whether a password may be reset."""
        return super().get_context_data(offers_reset=conf.password_reset, **kwargs)


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SignUp(auth.RedirectURLMixin, CreateView):  # type: ignore[type-arg]
    """Makes an account and signs it in."""

    form_class = SignUpForm
    template_name = "registration/signup.html"
    next_page = "bus:lobby"

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
        address = client_address.of_request(self.request).address
        quotas = throttle.by_address("sign-up", conf.sign_up_rate, address)
        quotas += throttle.by_address("sign-up-pace", conf.sign_up_pace, address)
        refused = refusal(self.request, quotas)
        if refused is not None:
            return refused
        login(self.request, form.save(), backend=_BACKEND)
        return HttpResponseRedirect(self.get_success_url())


class PasswordChange(auth.PasswordChangeView):
    """Django's own; whoever sits at somebody's open session has as few guesses as at the door."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Change it, if the old one is right."""
        self._guess = _guesses_of(request)
        return refusal(request, self._guess) or super().post(request, *args, **kwargs)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Store it; other sessions end."""
        give_back(self._guess)
        return super().form_valid(form)

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        """Say what is wrong; a new one that will not do is no guess."""
        if "old_password" not in form.errors:
            give_back(self._guess)
        return super().form_invalid(form)


def _guesses_of(request: HttpRequest) -> list[Quota]:
    """The quotas of wrong old passwords: of the account, and of where it is tried."""
    attempts, pause = conf.sign_in_attempts, conf.sign_in_pause
    account = [Quota(f"password-of:{request.user.pk}", attempts, pause)] if attempts else []
    address = client_address.of_request(request).address
    return account + throttle.by_address("sign-in", conf.sign_in_address_rate, address)


class PasswordReset(auth.PasswordResetView):
    """Sends a link to the address of an account; says the same where there is none."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Only where mail can be sent."""
        _require_mail()
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """Send it, but not again and again."""
        address = client_address.of_request(self.request).address
        mail = form.cleaned_data["email"].casefold()
        quotas = throttle.by_address("reset", conf.reset_rate, address)
        quotas += throttle.by_text("reset-of", conf.reset_account_rate, mail)
        return refusal(self.request, quotas) or super().form_valid(form)


class PasswordResetDone(auth.PasswordResetDoneView):
    """What to do next."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Only where mail can be sent."""
        _require_mail()
        return super().dispatch(request, *args, **kwargs)


class PasswordResetConfirm(auth.PasswordResetConfirmView):
    """Where the link leads: sets a new password, and signs in with it."""

    post_reset_login = True
    post_reset_login_backend = _BACKEND
    success_url = reverse_lazy("bus:lobby")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Look at the link; wrong ones count as wrong keys do."""
        _require_mail()
        quotas = throttle.by_address(
            "link", conf.secret_rate, client_address.of_request(request).address
        )
        refused = refusal(request, quotas)
        if refused is not None:
            return refused
        response = super().dispatch(request, *args, **kwargs)
        # A right one is taken into the session, and leads to a page without it.
        if self.validlink or response.status_code == 302:
            give_back(quotas)
        return response


def _require_mail() -> None:
    if not conf.password_reset:
        raise Http404
