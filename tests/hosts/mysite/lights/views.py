"""The app's pages."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse


def own(request):
    return HttpResponse("the host's own chat page")


def switch(request, name):
    message = {"type": "light.switched", "name": name, "ordering_key": name}
    async_to_sync(get_channel_layer().send)("lights", message)
    return HttpResponse(status=202)
