"""A room's page that WSGI serves: it is shown, and the log says once why nobody can write there."""

import pytest
from django.test import AsyncClient, Client
from pytest_django.fixtures import Settings

from bus.models import Room
from bus.pages import views

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


@pytest.fixture(autouse=True)
def lobby(settings: Settings) -> None:
    Room.objects.create(name="lobby", access=Room.Access.OPEN)
    # No other warning of this address.
    settings.BUS_GUEST_RATE = "0"


def said(caplog: pytest.LogCaptureFixture) -> int:
    return sum("served by WSGI" in record.getMessage() for record in caplog.records)


def test_wsgi_alone_is_told_once(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    views.warn_of_wsgi.cache_clear()
    settings.BUS_WEBSOCKET_URL = "wss://sockets.example.org/ws/"
    assert Client().get("/chat/lobby/").status_code == 200
    assert said(caplog) == 0
    settings.BUS_WEBSOCKET_URL = ""
    for _ in range(2):
        assert Client().get("/chat/lobby/").status_code == 200
    assert said(caplog) == 1


@pytest.mark.asyncio
async def test_asgi_is_as_it_should_be(caplog: pytest.LogCaptureFixture) -> None:
    views.warn_of_wsgi.cache_clear()
    assert (await AsyncClient().get("/chat/lobby/")).status_code == 200
    assert said(caplog) == 0
