"""What `manage.py up` serves: the project's ASGI application, its static files, which nobody else
serves here, and before both what `up` itself asks."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from bus.conf.asgi import asgi_path, load
from bus.http import static_files


def _application() -> static_files.Application:
    path = asgi_path()
    if path is None:
        raise ImproperlyConfigured(
            "The project has no ASGI application: set ASGI_APPLICATION, such as "
            "'mysite.asgi.application'."
        )
    # `up` asks by it whether all is ready.
    if not hasattr(settings, "BUS_PROBE_SECRET"):
        settings.BUS_PROBE_SECRET = os.environ.get("BUS_PROBE_SECRET", "")
    served = static_files.served(load(path))
    # The project's own asgi.py has set Django up.
    from bus.embedded.health import probed

    return probed(served)


application = _application()
