"""Under which path the project is, and who is believed about it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.test import override_settings

from bus.http.script_name import ScriptName


def seen(path: str, *told: str, peer: str | None = "10.0.0.1", root: str = "") -> tuple[str, str]:
    """The root path and the path that the application is asked for."""
    scopes: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scopes.append(scope)

    scope = {
        "type": "http",
        "path": path,
        "root_path": root,
        "headers": [(b"x-script-name", name.encode()) for name in told],
        "client": (peer, 1) if peer else None,
    }
    asyncio.run(ScriptName(application)(scope, None, None))  # type: ignore[arg-type]
    return scopes[0]["root_path"], scopes[0]["path"]


@override_settings(BUS_TRUSTED_PROXIES=["10.0.0.0/8"])
@pytest.mark.parametrize("name", ["/live", "/live/", "/a/b-c_d.e~f"])
def test_a_named_proxy_is_believed_whether_it_keeps_the_prefix_or_not(name: str) -> None:
    root = name.rstrip("/")
    assert seen("/chat/", name) == (root, f"{root}/chat/")
    assert seen(f"{root}/chat/", name) == (root, f"{root}/chat/")
    assert seen(root, name) == (root, root)
    assert seen("/liver/", "/live") == ("/live", "/live/liver/")


@override_settings(BUS_TRUSTED_PROXIES=["10.0.0.0/8"])
@pytest.mark.parametrize("peer", ["10.0.0.1", "::ffff:10.0.0.1"])
def test_the_proxy_is_known_by_its_address(peer: str) -> None:
    assert seen("/chat/", "/live", peer=peer) == ("/live", "/live/chat/")


@pytest.mark.parametrize("proxies", [[], ["10.9.9.9"], ["unix"]])
def test_a_strangers_header_does_nothing(proxies: list[str]) -> None:
    with override_settings(BUS_TRUSTED_PROXIES=proxies):
        assert seen("/chat/", "/live") == ("", "/chat/")
        assert seen("/chat/", "/live", peer="no address") == ("", "/chat/")


def test_a_proxy_behind_a_unix_socket_is_named_by_its_kind() -> None:
    with override_settings(BUS_TRUSTED_PROXIES=["unix"]):
        assert seen("/chat/", "/live", peer=None) == ("/live", "/live/chat/")
    with override_settings(BUS_TRUSTED_PROXIES=["10.0.0.1"]):
        assert seen("/chat/", "/live", peer=None) == ("", "/chat/")


@override_settings(BUS_TRUSTED_PROXIES=["10.0.0.1"])
@pytest.mark.parametrize(
    "name",
    [
        *("live", "//evil.example", "/..", "/a/../b", "/."),
        *("/a b", "/a;b", "/a\\b", "/a?b", "/가", "", "/"),
    ],
)
def test_what_is_no_path_is_not_taken(name: str) -> None:
    assert seen("/chat/", name) == ("", "/chat/")


@override_settings(BUS_TRUSTED_PROXIES=["10.0.0.1"])
def test_two_headers_are_one_of_a_stranger() -> None:
    assert seen("/chat/", "/evil", "/live") == ("", "/chat/")


@override_settings(FORCE_SCRIPT_NAME="/forced", BUS_TRUSTED_PROXIES=["10.0.0.1"])
def test_the_setting_goes_before_what_others_say() -> None:
    assert seen("/chat/", "/live", root="/server") == ("/forced", "/forced/chat/")


def test_the_servers_own_root_path_is_in_the_path() -> None:
    assert seen("/live/chat/", root="/live") == ("/live", "/live/chat/")
    assert seen("/chat/", root="/live") == ("/live", "/live/chat/")
