"""System checks: what would fail later, or find less, is named before anything starts."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from bus.broker.management.commands import runworker
from bus.checks import check_model, check_sizes
from bus.moderation import classifier


@pytest.fixture
def no_weights() -> Iterator[None]:
    classifier.use(None)
    yield
    classifier.use(classifier.PACKAGED)


def test_nothing_is_said_of_a_model_that_is_there() -> None:
    assert check_model() == []


@pytest.mark.usefixtures("no_weights")
def test_a_model_without_weights_is_named() -> None:
    (warning,) = check_model()
    assert (warning.id, warning.msg) == (
        "bus.W002",
        "The model has no weights: the rules work alone.",
    )


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize(("channel", "said"), [("moderation", True), ("broadcast", False)])
def test_a_worker_that_moderates_without_weights_says_so(
    channel: str, said: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runworker.Worker, "run", lambda _worker: None)
    # Loading the real one would set up logging anew, without what reads it here.
    monkeypatch.setattr(runworker.asgi, "load", lambda _path: None)
    call_command("runworker", channel)
    assert ("the rules work alone" in caplog.text) is said


def test_bodies_that_are_too_long_for_an_event_are_named(settings: Settings) -> None:
    assert check_sizes() == []
    settings.BUS_BODY_LIMIT = 200_000
    assert [warning.id for warning in check_sizes()] == ["bus.W007"]
