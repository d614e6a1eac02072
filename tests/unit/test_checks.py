"""System checks: what would fail later, or find less, is named before anything starts."""

import socket
import threading
from collections.abc import Iterator

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from pytest_django.fixtures import Settings

from bus.broker.checks import check_layer
from bus.broker.management.commands import runworker
from bus.checks import broker_messages, check_model, check_sizes
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUS_HANDLER_TIMEOUT", "30"),
        ("BUS_VISIBILITY_TIMEOUT", "60"),
        ("BUS_BODY_LIMIT", "many"),
        ("BUS_MESSAGE_SIZE_LIMIT", None),
    ],
)
def test_what_is_no_number_is_named_and_fails_no_other_check(
    name: str, value: object, settings: Settings
) -> None:
    setattr(settings, name, value)
    (error,) = [message for message in run_checks() if str(message.id).startswith("bus.")]
    assert (error.id, error.msg.startswith(f"{name} is not a")) == ("bus.E002", True)


def test_weights_that_there_are_none_of_are_named(settings: Settings) -> None:
    settings.BUS_MODERATION_WEIGHTS = "share-alike"
    (error,) = [message for message in run_checks() if str(message.id).startswith("bus.")]
    assert (error.id, error.msg) == (
        "bus.E002",
        "BUS_MODERATION_WEIGHTS is not own or sharealike.",
    )
    for name in classifier.WEIGHTS:
        settings.BUS_MODERATION_WEIGHTS = name
        assert [m.id for m in run_checks() if str(m.id).startswith("bus.")] == []


@pytest.fixture
def listening(settings: Settings) -> Iterator[socket.socket]:
    """Who listens where the broker should be, and has not said anything yet."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        found.listen()
        found.settimeout(10)
        settings.CHANNEL_LAYERS = layers(f"redis://127.0.0.1:{found.getsockname()[1]}")
        yield found


def layers(*hosts: str) -> dict[str, object]:
    """One address is in a list, as it should be; more than one are a mistake."""
    config = {"hosts": list(hosts) if len(hosts) == 1 else " ".join(hosts)}
    return {"default": {"BACKEND": "bus.broker.BusChannelLayer", "CONFIG": config}}


def test_the_plain_check_asks_no_server(listening: socket.socket) -> None:
    assert [message.id for message in run_checks() if message.id.startswith("bus.")] == []
    listening.setblocking(False)
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_a_broker_that_is_silent_is_given_up_on_in_time(listening: socket.socket) -> None:
    (warning,) = broker_messages(within=0.1)
    assert (warning.id, warning.msg) == ("bus.W009", "The broker does not answer within 0.1 s.")
    assert "manage.py up" in str(warning.hint)
    listening.accept()[0].close()


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_answers_and_is_no_broker_is_named(listening: socket.socket, said: bytes) -> None:
    def answer() -> None:
        with listening.accept()[0] as connection:
            connection.sendall(said)
            while connection.recv(1000):
                pass

    threading.Thread(target=answer, daemon=True).start()
    (warning,) = broker_messages(within=30)
    assert warning.id == "bus.W009"
    assert "is neither Redis nor Valkey" in warning.msg
    assert "REDIS_URL" in warning.msg


def test_an_address_of_the_broker_that_cannot_be_one_is_named(settings: Settings) -> None:
    settings.CHANNEL_LAYERS = layers("redis://one:port")
    (error,) = check_layer()
    assert error.id == "bus.E001"
    assert "CHANNEL_LAYERS['default'] cannot be used: The port" in error.msg
    settings.CHANNEL_LAYERS = layers("redis://one", "hosts of no list")
    assert "list of Redis hosts" in check_layer()[0].msg
