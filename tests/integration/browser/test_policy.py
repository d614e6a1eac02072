"""Every kind of page works under the policy that all of ours have."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from bus.conf import conf
from bus.http.security_headers import CSP
from tests.integration.browser.server import sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


def test_the_admin_works_under_the_policy(page: Page, address: str) -> None:
    sign_in(page, address, User.objects.create_superuser("root"))
    for path in ("/admin/", "/admin/bus/room/", "/admin/bus/room/add/", "/admin/auth/user/add/"):
        answer = page.goto(address + path)
        assert answer is not None
        assert answer.status == 200
        assert answer.headers[CSP.lower()] == conf.content_security_policy
    # What its own scripts and styles do: a theme, and a filter of the menu.
    page.goto(f"{address}/admin/bus/room/")
    page.locator("#nav-filter").fill("sanction")
    expect(page.locator("#nav-sidebar a", has_text="Rooms")).to_be_hidden()
    page.locator("#nav-filter").fill("")
    page.locator("button.theme-toggle").first.click()
    assert page.locator("html").get_attribute("data-theme") in ("light", "dark")
