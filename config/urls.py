"""The routes of this repository's project: the admin, accounts, and all of Bus."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LogoutView, PasswordChangeDoneView
from django.urls import include, path
from django.views.generic import RedirectView

from config import accounts, views

handler500 = "bus.unavailable.failed"

urlpatterns = [
    # One way to change a password, and one place where guesses of the old one are counted.
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change")),
    path("admin/", admin.site.urls),
    path("", views.home, name="home"),
    path("favicon.ico", views.icon),
    path("accounts/login/", accounts.SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(next_page="bus:lobby"), name="logout"),
    path("accounts/signup/", accounts.SignUp.as_view(), name="signup"),
    path("accounts/password_change/", accounts.PasswordChange.as_view(), name="password_change"),
    path(
        "accounts/password_change/done/",
        PasswordChangeDoneView.as_view(),
        name="password_change_done",
    ),
    path("accounts/password_reset/", accounts.PasswordReset.as_view(), name="password_reset"),
    path(
        "accounts/password_reset/done/",
        accounts.PasswordResetDone.as_view(),
        name="password_reset_done",
    ),
    path(
        "accounts/reset/<uidb64>/<token>/",
        accounts.PasswordResetConfirm.as_view(),
        name="password_reset_confirm",
    ),
    path("", include("bus.urls")),
]
