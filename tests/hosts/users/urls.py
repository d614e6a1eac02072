"""The routes of the project."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("", include("bus.urls")), path("admin/", admin.site.urls)]
