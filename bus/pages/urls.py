"""Where the pages live."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView, PasswordChangeDoneView
from django.urls import path

from bus.pages import accounts, views

urlpatterns = [
    path("", views.home, name="home"),
    path("favicon.ico", views.icon),
    path("chat/", views.lobby, name="lobby"),
    path("chat/<str:name>/", views.room, name="room"),
    path("accounts/login/", accounts.SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(next_page="lobby"), name="logout"),
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
]
