"""What comes with an extra of the package: `django-bus[embedded]`, `[server]`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def brought_by(extra: str) -> Iterator[None]:
    """Say which extra brings what is imported inside, where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'{error.name} is not installed; it comes with: pip install "django-bus[{extra}]"',
            name=error.name,
        ) from None
