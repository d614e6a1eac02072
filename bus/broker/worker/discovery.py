"""The named channels of a project: each installed app's `workers.py` says which are its own.

channels = {"mails": MailConsumer.as_asgi()}
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from channels.layers import BaseChannelLayer
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import module_has_submodule

logger = logging.getLogger(__name__)

MODULE = "workers"


@dataclass
class Discovered:
    """What was found: consumers and their modules by channel, and what does not import."""

    consumers: dict[str, Any] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    # Each module that is broken, and why.
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, home: str, channels: Mapping[str, Any]) -> None:
        """Take the channels of a module; raises ImproperlyConfigured for one that is taken."""
        for name, consumer in channels.items():
            if name in self.homes:
                raise ImproperlyConfigured(
                    f"The channel {name!r} is named twice: by {self.homes[name]} and by {home}. "
                    "Give one of them another name."
                )
            self.consumers[name], self.homes[name] = consumer, home


@cache
def discover() -> Discovered:
    """Look once through the installed apps; raises ImproperlyConfigured.

    A module that does not import is told in the log, with its traceback, and the others count.
    """
    found = Discovered()
    for app in apps.get_app_configs():
        if module_has_submodule(app.module, MODULE):
            home = f"{app.name}.{MODULE}"
            try:
                channels = _checked(getattr(import_module(home), "channels", {}))
            except (Exception, SystemExit) as error:
                found.failures[home] = f"{type(error).__name__}: {error}"
                logger.exception("%s does not import: its channels have no worker.", home)
            else:
                found.add(home, channels)
    return found


def _checked(channels: object) -> Mapping[str, Any]:
    """What a module says its channels are; raises TypeError for what no worker can work with."""
    if not isinstance(channels, Mapping):
        raise TypeError("`channels` is a dict of names and consumers.")
    for name, consumer in channels.items():
        BaseChannelLayer().require_valid_channel_name(name)
        if isinstance(consumer, type):
            raise TypeError(f"{name!r} has a class: say {consumer.__name__}.as_asgi().")
        if not callable(consumer):
            raise TypeError(f"{name!r} has {consumer!r}, which is no consumer.")
    return channels


class Channels(Mapping[str, Any]):
    """Consumers by channel: an app's own, and those of all others; looked for when asked."""

    def __init__(self, home: str, of_home: Mapping[str, Any]) -> None:
        self._home = home
        self._of_home = of_home

    def __getitem__(self, name: str) -> Any:
        # What is its own is there without the others.
        return self._of_home[name] if name in self._of_home else discover().consumers[name]

    def __iter__(self) -> Iterator[str]:
        """All names, its own first; raises ImproperlyConfigured for one that is there twice."""
        everything = Discovered()
        everything.add(self._home, self._of_home)
        found = discover()
        for name, consumer in found.consumers.items():
            everything.add(found.homes[name], {name: consumer})
        return iter(everything.consumers)

    def __len__(self) -> int:
        return len(list(iter(self)))
