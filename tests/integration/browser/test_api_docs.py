"""The API's docs page in a real browser: it works under its policy, and calls the API."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


def test_staff_try_a_call_on_the_docs_page(page: Page, address: str) -> None:
    client = Client()
    client.force_login(User.objects.create_user("ann", is_staff=True))
    name = settings.SESSION_COOKIE_NAME
    host = urlsplit(address).hostname or ""
    page.context.add_cookies(
        [{"name": name, "value": client.cookies[name].value, "domain": host, "path": "/"}]
    )
    page.goto(f"{address}/api/v1/docs")
    call = page.locator(".opblock-post", has_text="/api/v1/channels/{channel}/messages")
    call.locator(".opblock-summary").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_placeholder("channel").fill("jobs")
    call.locator("textarea").fill('{"type": "job.due", "data": {}}')
    with page.expect_response("**/api/v1/channels/jobs/messages") as answered:
        call.get_by_role("button", name="Execute").click()
    assert answered.value.status == 202, answered.value.text()
    expect(call.locator(".live-responses-table .response .response-col_status")).to_contain_text(
        "202"
    )
