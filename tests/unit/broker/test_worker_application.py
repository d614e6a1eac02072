"""The channels that a project routes are found, through middleware around its application, too."""

from collections.abc import Callable
from typing import Any

import pytest
from channels.routing import ChannelNameRouter, ProtocolTypeRouter

from bus.broker.worker.application import WorkerApplication


class Around:
    """Middleware, as that of tracing is."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Note what comes, and hand it on."""
        self.seen.append(scope["channel"])
        await self.app(scope, receive, send)


def whole(names: Any) -> Any:
    return ProtocolTypeRouter({"channel": names})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "build",
    [
        lambda names: Around(whole(names)),
        lambda names: Around(Around(whole(names))),
        lambda names: Around(names),
        lambda names: Around(whole(Around(names))),
    ],
)
async def test_channels_are_found_through_middleware_which_sees_what_comes(
    build: Callable[[Any], Around],
) -> None:
    ran: list[str] = []

    async def consumer(scope: Any, _receive: Any, _send: Any) -> None:
        ran.append(scope["channel"])

    async def other(_scope: Any, _receive: Any, _send: Any) -> None:
        ran.append("another app's")

    project = build(ChannelNameRouter({"mails": consumer}))
    found = WorkerApplication(project, {"mails": other, "pictures": other})
    assert found.choose([]) == ["mails", "pictures"]
    await found({"type": "channel", "channel": "mails"}, None, None)
    assert (ran, project.seen) == (["mails"], ["mails"])


def test_a_channel_in_middleware_is_found_without_one_by_its_name() -> None:
    project = Around(whole(ChannelNameRouter({"mails": None})))
    assert WorkerApplication(project, {}).channels == ["mails"]
