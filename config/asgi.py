"""The ASGI application of this project."""

import os

from django.core.asgi import get_asgi_application

from bus.asgi import mount

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = mount(get_asgi_application())
