"""The kinds of settings: what each takes from Django's settings, and from the environment.

Read: Django 5.2.19, Django 6.0.10, Django 6.1.3 (utils/functional.py, conf/__init__.py,
test/utils.py).
Relies on:
    django.utils.functional: empty
    django.conf.settings: _wrapped
    django.test.utils.override_settings.enable: `settings._wrapped = override`
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast, overload

from django.conf import settings as django_settings
from django.utils.functional import empty

from bus.conf.networks import parse_networks
from bus.conf.rates import parse_rate, per_channel

T = TypeVar("T", bool, int, float, str, list[str])


class Setting(Generic[T]):
    """One `BUS_*` setting; reads Django's settings, so `override_settings` works."""

    def __init__(self, default: T, meaning: str, unit: str = "", *, least: float = 0) -> None:
        """`least` is the smallest number that anything can work with."""
        self.default: T = default
        self.least = least
        self.meaning = meaning
        self.unit = unit
        self.name = ""
        # What it was read from last, and what it was there.
        self._source: object = empty
        self._value: T = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = "BUS_" + name.upper()

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Setting[T] | T:
        if instance is None:
            return self
        # Asked for with every message: looking for an attribute that is not there is slow. What
        # `override_settings` exchanges is this object.
        source = object.__getattribute__(django_settings, "_wrapped")
        if self._source is not source or source is empty:
            self._value = getattr(django_settings, self.name, self.default)
            self._source = object.__getattribute__(django_settings, "_wrapped")
        return self._value

    @property
    def kind(self) -> str:
        """What is expected of the environment's text."""
        names = {bool: "0 or 1", int: "a whole number", float: "a number", list: "a list"}
        name = names.get(type(self.default), "a text")
        return f"{name} from {self.least:g}" if "number" in name else name

    def fits(self, value: object) -> bool:
        """Whether anything can work with a value; numbers have a least one, and an end."""
        if isinstance(self.default, bool) or not isinstance(self.default, int | float):
            return True
        return isinstance(value, int | float) and self.least <= value < float("inf")

    def parse(self, text: str) -> T:
        """Read the setting from the environment's text; raises ValueError."""
        value: Any
        if isinstance(self.default, bool):
            value = parse_bool(text)
        elif isinstance(self.default, list):
            value = [part.strip() for part in text.split(",") if part.strip()]
        else:
            value = type(self.default)(text)
        if not self.fits(value):
            raise ValueError(text)
        return cast(T, value)


class PerChannel(Setting[list[str]]):
    """A number for each named channel: `60`, or `moderation=60,web*=5,*=0`; the first fits."""

    @property
    def kind(self) -> str:
        """What is expected of the environment's text."""
        return "a number, or channel=number and so on, comma-separated"

    def parse(self, text: str) -> list[str]:
        """Read the setting from the environment's text; raises ValueError."""
        parts = super().parse(text)
        per_channel(parts, "")
        return parts


class Choice(Setting[str]):
    """One of a few words."""

    def __init__(self, default: str, choices: tuple[str, ...], meaning: str) -> None:
        super().__init__(default, meaning)
        self.choices = choices

    @property
    def kind(self) -> str:
        """What is expected of the environment's text."""
        return " or ".join(self.choices)

    def fits(self, value: object) -> bool:
        """Whether it is one of them."""
        return value in self.choices


class RateSetting(Setting[str]):
    """How often something may happen: `10/h`."""

    @property
    def kind(self) -> str:
        """What is expected of the environment's text."""
        return "a rate such as 5/s, 10/min, 20/h or 100/d, or 0 for no limit"

    def fits(self, value: object) -> bool:
        """Whether it is a rate."""
        try:
            parse_rate(str(value))
        except ValueError:
            return False
        return True


# Shorter ones are found by trying.
_SHORTEST_SECRET = 16


class Secret(Setting[str]):
    """A text that nobody guesses, or none."""

    @property
    def kind(self) -> str:
        """What is expected of the environment's text."""
        return f"a text of {_SHORTEST_SECRET} characters or more"

    def fits(self, value: object) -> bool:
        """Whether it is long enough."""
        return value == "" or (isinstance(value, str) and len(value) >= _SHORTEST_SECRET)


class Networks(Setting[list[str]]):
    """IP addresses and networks, comma-separated."""

    @property
    def kind(self) -> str:
        """What is expected of the environment's text."""
        return "a list of addresses and networks, such as 10.0.0.0/8, or the word unix"

    def fits(self, value: object) -> bool:
        """Whether each is an address, a network or `unix`."""
        try:
            parse_networks(cast(list[str], value))
        except (ValueError, TypeError):
            return False
        return True


def parse_bool(text: str) -> bool:
    """Read 1/0, true/false, yes/no or on/off; raises ValueError."""
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", ""):
        return False
    raise ValueError(text)
