"""The routes of the project."""

from django.urls import include, path

urlpatterns = [path("", include("bus.urls"))]
