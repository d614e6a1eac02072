"""The headers of every response, whoever gives it."""

from __future__ import annotations

import asyncio
from typing import Any

from django.test import override_settings

from bus.conf import conf
from bus.http.security_headers import CSP, SecurityHeaders

POLICY = conf.content_security_policy


def answered(status: int, *given: tuple[str, str], broken: bool = False) -> dict[str, str]:
    """The headers with which an application's answer leaves."""
    sent: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if broken:
            raise RuntimeError("nobody caught this")
        wire = [(name.encode(), value.encode()) for name, value in given]
        await send({"type": "http.response.start", "status": status, "headers": wire})
        await send({"type": "http.response.body", "body": b""})

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {"type": "http", "path": "/", "headers": []}
    asyncio.run(SecurityHeaders(application)(scope, None, send))
    assert sent[0]["status"] == status
    names = [name for name, _ in sent[0]["headers"]]
    assert len(names) == len({name.lower() for name in names})
    return {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}


def test_every_answer_has_them() -> None:
    headers = answered(200)
    assert headers[CSP.lower()] == POLICY
    assert headers["x-content-type-options"] == "nosniff"


def test_a_response_keeps_what_it_brings() -> None:
    assert answered(200, (CSP, "sandbox"))[CSP.lower()] == "sandbox"


def test_an_error_that_nobody_caught_is_an_answer_that_has_them() -> None:
    assert answered(500, broken=True)[CSP.lower()] == POLICY


def test_only_the_traceback_page_of_debug_goes_without_the_policy() -> None:
    with override_settings(DEBUG=True):
        broken, missing = answered(500), answered(404)
    assert CSP.lower() not in broken
    assert broken["x-content-type-options"] == "nosniff"
    assert CSP.lower() in missing


def test_a_project_may_have_its_own_policy_or_none() -> None:
    with override_settings(BUS_CONTENT_SECURITY_POLICY="default-src 'none'"):
        assert answered(200)[CSP.lower()] == "default-src 'none'"
    with override_settings(BUS_CONTENT_SECURITY_POLICY=""):
        assert CSP.lower() not in answered(200)
