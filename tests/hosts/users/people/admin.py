"""The admin of people: the one of uuid has none, as its model has no staff."""

from django.conf import settings
from django.contrib import admin

from people.models import Person

if settings.USERS == "email":
    admin.site.register(Person, admin.ModelAdmin, search_fields=["email"])
