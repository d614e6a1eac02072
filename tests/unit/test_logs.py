"""What strangers can write into the log is bounded; what is ours to read is not."""

from __future__ import annotations

import logging

import pytest

from bus.logs import RateLimitFilter
from tests.support.wait import until


@pytest.fixture
def strangers() -> RateLimitFilter:
    return RateLimitFilter()


def record(name: str, text: str, *args: object, **more: object) -> logging.LogRecord:
    found = logging.LogRecord(name, logging.ERROR, __file__, 1, text, args, None)
    for attribute, value in more.items():
        setattr(found, attribute, value)
    return found


def passed(strangers: RateLimitFilter, *records: logging.LogRecord) -> list[str]:
    """The lines that are let through."""
    return [each.getMessage() for each in records if strangers.filter(each)]


def test_one_of_a_kind_is_a_line_and_the_others_are_counted(
    strangers: RateLimitFilter, caplog: pytest.LogCaptureFixture
) -> None:
    strangers.interval = 0.2
    name = "django.security.DisallowedHost"
    lines = passed(strangers, *(record(name, f"Invalid host {n}") for n in range(50)))
    assert lines == ["Invalid host 0"]
    until(lambda: "49 more of this kind" in caplog.text, "a count", 10)
    assert "Invalid host 1" in caplog.text
    # The next interval has its own line.
    assert passed(strangers, record(name, "Invalid host again")) == ["Invalid host again"]


def test_a_line_has_no_traceback_and_an_end(strangers: RateLimitFilter) -> None:
    try:
        raise ValueError
    except ValueError as error:
        found = record("uvicorn.error", "Invalid UTF-8 sequence received from client.")
        found.exc_info = (type(error), error, error.__traceback__)
    assert strangers.filter(found)
    assert found.exc_info is None
    long = record("django.request", "%s: %s", "Not Found", "/" + "x" * 8000, status_code=404)
    assert strangers.filter(long)
    assert len(long.getMessage()) == 500


def test_one_line_through_two_handlers_is_one_line(strangers: RateLimitFilter) -> None:
    found = record("uvicorn.error", "Invalid HTTP request received.")
    assert strangers.filter(found)
    assert strangers.filter(found)


def test_failures_of_ours_keep_every_line_and_traceback(strangers: RateLimitFilter) -> None:
    ours = [
        ("bus.consumers.session", "A command of %s failed."),
        ("django.request", "Internal Server Error: /chat/"),
        ("uvicorn.error", "Exception in ASGI application\n"),
        ("uvicorn.error", "Uvicorn running on %s://%s:%d"),
    ]
    for name, text in ours:
        for _ in range(3):
            found = record(name, text, status_code=500)
            found.exc_info = (ValueError, ValueError(), None)
            assert strangers.filter(found)
            assert found.exc_info is not None
