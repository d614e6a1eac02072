"""The project's routes: Bus is under `/live/`, and in Korean under `/ko/live/`."""

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path
from lights import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(), name="login"),
    # Where a project of Bus's own has its rooms.
    path("chat/", views.own, name="own"),
    path("lights/<str:name>/", views.switch),
    *i18n_patterns(path("live/", include("bus.urls")), prefix_default_language=False),
]
