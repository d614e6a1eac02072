"""The API's docs page in a real browser: it works under its policy, and calls the API."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.integration.browser.server import sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


def test_staff_try_a_call_on_the_docs_page(page: Page, address: str) -> None:
    sign_in(page, address, User.objects.create_superuser("ann"))
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
