"""Serves files to ASGI servers piece by piece; Django would read one at once, and warn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BufferedIOBase
from typing import Any

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware

from bus.templatetags.bus_files import under_script_name

_PIECE = 65536


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise, with answers that are sent as the server that asks wants them."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponseBase:
        """Answer with a file, or with no more than headers."""
        if not isinstance(request, ASGIRequest):
            at_once: HttpResponseBase = WhiteNoiseMiddleware.serve(static_file, request)
            return at_once
        found = static_file.get_response(request.method, request.META)
        response: HttpResponseBase
        if found.file is None:
            response = HttpResponse(status=found.status)
        else:
            response = StreamingHttpResponse(_Pieces(found.file), status=found.status)
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        return response


class Storage(StaticFilesStorage):
    """Where files are, also those of the admin and of the API's docs page."""

    def url(self, name: str | None) -> str:
        """The address of a file, under today's script name."""
        return under_script_name(super().url(name), self.base_url)


class _Pieces:
    """What is in a file, read without keeping the event loop; Django closes it in any case."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self.close = file.close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await asyncio.to_thread(self._file.read, _PIECE):
            yield piece
