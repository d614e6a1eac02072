"""The ASGI application of the project."""

import os

from django.core.asgi import get_asgi_application

import bus.asgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "host.settings")
application = bus.asgi.mount(get_asgi_application())
