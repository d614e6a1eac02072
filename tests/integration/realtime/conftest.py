"""What the tests of live rooms share."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from bus.database import threads


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Counter[str]:
    """How often the database was asked for what, beside the hub's own checks."""
    settings.BUS_POSITION_CHECK = 3600.0
    asked, run = Counter[str](), threads.run

    async def counted(work: Callable[..., Any], *args: Any) -> Any:
        asked[work.__name__] += 1
        return await run(work, *args)

    monkeypatch.setattr(threads, "run", counted)
    return asked
