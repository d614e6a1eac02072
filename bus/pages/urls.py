"""Where the pages live."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from bus.pages import views

urlpatterns = [
    path("", views.home, name="home"),
    path("chat/", views.lobby, name="lobby"),
    path("chat/<str:name>/", views.room, name="room"),
    path(
        "accounts/login/",
        LoginView.as_view(redirect_authenticated_user=True, next_page="lobby"),
        name="login",
    ),
    path("accounts/logout/", LogoutView.as_view(next_page="lobby"), name="logout"),
    path("accounts/signup/", views.SignUp.as_view(), name="signup"),
]
