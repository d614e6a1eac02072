"""What `runworker` runs: the project's ASGI application, and the workers that its apps bring."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.core.exceptions import ImproperlyConfigured

from bus.broker.worker.discovery import discover
from bus.conf.asgi import unwrapped

logger = logging.getLogger(__name__)


class WorkerApplication:
    """An ASGI application for named channels: what a project routes, and `others` beside it."""

    def __init__(self, project: Any, others: Mapping[str, Any]) -> None:
        """`project` is its ASGI application, None where it has none."""
        routed = _inside(project, ProtocolTypeRouter, ChannelNameRouter)
        if isinstance(routed, ProtocolTypeRouter):
            channel = routed.application_mapping.get("channel", ChannelNameRouter({}))
            routed = _inside(channel, ChannelNameRouter)
        self._project = project
        self._others = others
        # None is an application that does not say what it routes.
        self._routed: Mapping[str, Any] | None = (
            routed.application_mapping
            if isinstance(routed, ChannelNameRouter)
            else {} if routed is None else None
        )  # fmt: skip

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[None]:
        """Run the consumer of the scope's channel."""
        name, routed = scope["channel"], self._routed
        by_project = name in routed if routed is not None else name not in self._others
        application = self._project if by_project else self._others[name]
        return application(scope, receive, send)  # type: ignore[no-any-return]

    @property
    def channels(self) -> list[str]:
        """All channels that are known to have a consumer."""
        return sorted({*(self._routed or ()), *self._others})

    def choose(self, wanted: Sequence[str]) -> list[str]:
        """Those of the wanted channels that can be worked on, all where none is named.

        Raises ImproperlyConfigured where one is nobody's, and where nothing is left. One that a
        module which does not import may be missing for keeps no other from running.
        """
        known, failures = self.channels, discover().failures
        unknown = [name for name in wanted if name not in known] if self._routed is not None else []
        text = f"No consumer is routed for {', '.join(unknown)}. " if unknown else ""
        text += "".join(f"{home} does not import ({why}). " for home, why in failures.items())
        text += f"There are: {', '.join(known) or 'none'}."
        left = [name for name in wanted or known if name not in unknown]
        if (unknown and not failures) or not left:
            raise ImproperlyConfigured(text)
        if unknown:
            logger.error("%s", text)
        return left


def _inside(application: Any, *kinds: type) -> Any:
    """The router of one of these kinds that middleware is around; else the application."""
    return next((one for one in unwrapped(application) if isinstance(one, kinds)), application)
