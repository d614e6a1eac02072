"""A NUL that comes by an address or a cookie: a guest or a refusal, never an error of ours."""

import json
import urllib.parse

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.contrib import admin as site
from django.contrib.auth.models import User
from django.test import Client
from websockets.asyncio.client import connect

from bus.models import Room
from tests.integration.http.test_unavailable import get
from tests.support.web_server import address

# As a browser shows it; Python's cookies read octal escapes.
BAD = '"abcdefgh\\000\\000"'
NAMES = ("sessionid", "bus_guest", "csrftoken", "django_language", "messages")
COOKIES = "; ".join(f"{name}={BAD}" for name in NAMES)


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_a_cookie_with_a_nul_is_a_guests(server: uvicorn.Server) -> None:
    await Room.objects.acreate(name="lobby", access="open")
    for path, status in {
        "/chat/": 200,
        "/chat/lobby/": 200,
        "/nothing/": 404,
        "/admin/": 302,
        "/accounts/login/": 200,
        "/api/v1/channels": 401,
    }.items():
        assert (await get(server, path, Cookie=COOKIES))[0] == status, path
    for path in ("/ws/", "/ws/chat/lobby/"):
        headers = {"Cookie": COOKIES}
        protocols = ["bus.v1"] if path == "/ws/" else None
        async with connect(
            address(server, path),
            additional_headers=headers,
            subprotocols=protocols,  # type: ignore[arg-type]
        ) as socket:
            if path == "/ws/":
                started = json.loads(await socket.recv())
                assert started["data"]["user"]["id"].startswith("g")
            else:
                await socket.send(json.dumps({"message": ""}))
                assert json.loads(await socket.recv())["code"] == "invalid"


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_an_address_with_a_nul_is_refused(server: uvicorn.Server) -> None:
    for path in (
        "/chat/?q=%00",
        "/chat/?after=%00",
        "/chat/a%00b/",
        "/static/a%00b",
        "/admin/bus/room/%00/change/",
        "/%00",
        "/api/v1/channels/%00",
        "/readyz?%00",
    ):
        assert (await get(server, path))[0] in (400, 404), path
    status, _, text = await get(server, "/api/v1/channels?a=%00")
    assert (status, json.loads(text)["error"]["code"]) == (400, "invalid")


# Lookups that a database cannot answer, each in its own way.
LOOKUPS = [
    ("message", "verdict__body__contains", "x"),
    ("message", "verdict__contains", "{"),
    ("message", "verdict__has_key", "x"),
    ("message", "body__regex", "("),
    ("message", "body", "\0"),
    ("message", "seq", "9" * 30),
    ("message", "seq__gt", "1e999"),
    ("message", "posted_at__year", "9" * 12),
    ("message", "posted_at__year__gt", "-5"),
    ("message", "room__name", "\0"),
    ("message", "room__policy_parts__contains", "x"),
    ("room", "policy_parts__contains", "x"),
    ("room", "policy_parts__a__contained_by", "x"),
    ("room", "name__iregex", "["),
    ("room", "id__in", "a,b"),
    ("review", "facts__contains", "x"),
    ("review", "id__range", "1"),
    ("sanction", "until__week", "9" * 40),
    ("auditentry", "facts__contains", "x"),
    ("report", "message__verdict__contains", "x"),
    ("strike", "id__gt", "9" * 40),
    ("dryrun", "id__regex", "*"),
    ("apikey", "prefix__regex", "("),
    ("group", "id__range", "1"),
    ("accessattempt", "id__range", "1"),
    ("accessfailurelog", "id__range", "1"),
]


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_any_lookup_of_the_admin_gets_an_answer() -> None:
    await sync_to_async(_ask_each_lookup)()


def _ask_each_lookup() -> None:
    admin = Client(raise_request_exception=False)
    admin.force_login(User.objects.create_superuser("root-1"))
    # And all that have a meaning for some field, of every model that the admin shows.
    asked = list(LOOKUPS)
    for model in site.site._registry:
        asked += [
            (model._meta.model_name or "", f"{field.name}__{lookup}", value)
            for field in model._meta.concrete_fields
            for lookup, value in (("contains", "x"), ("regex", "("), ("gt", "9" * 30))
        ]
    labels = {m._meta.model_name: m._meta.app_label for m in site.site._registry}
    for model_name, lookup, value in asked:
        path = f"/admin/{labels[model_name]}/{model_name}/"
        query = urllib.parse.urlencode({lookup: value})
        for more in ("", "&e=1"):
            answer = admin.get(f"{path}?{query}{more}")
            assert answer.status_code < 500, (path, query)
