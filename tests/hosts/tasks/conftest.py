"""What the tests share: a broker, a database, and a worker."""

import os
import shutil

import pytest
import redis
from asgiref.sync import SyncToAsync
from django.conf import settings as django_settings
from django.db import connections


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Before the test database is dropped, let go of what the worker's queries hold of it."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(scope="session")
def broker_server():
    """The URL of one broker for the whole run: REDIS_URL's, or an embedded one."""
    url = os.environ.get("REDIS_URL")
    if url:
        with redis.Redis.from_url(url) as client:
            assert os.environ.get("CI") or not client.dbsize(), "REDIS_URL is in use: it is emptied"
        yield url
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return
    from bus.embedded.broker import EmbeddedBroker

    directory = django_settings.DIRECTORY / "valkey"
    server = EmbeddedBroker(directory, django_settings.SOCKET)
    server.start()
    yield server.url
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def broker(broker_server):
    """The broker, with nothing in it and no layer left from another test."""
    from channels.layers import channel_layers

    with redis.Redis.from_url(broker_server) as client:
        client.flushdb()
        channel_layers.backends.clear()
        yield client
    channel_layers.backends.clear()


@pytest.fixture
def tasks(broker, transactional_db):
    """The tasks of the project, of which none has run."""
    from host import tasks

    tasks.ran.clear()
    tasks.gate.clear()
    yield tasks
    tasks.gate.set()


@pytest.fixture
def worker(tasks):
    """A worker on all channels of tasks."""
    from host.working import working

    with working() as found:
        yield found
        # Before the worker is asked to stop.
        tasks.gate.set()


@pytest.fixture(params=["immediate", "bus"])
def backend(request, settings):
    """The default back-end: Django's immediate one, or Bus with a worker."""
    if request.param == "immediate":
        immediate = "django.tasks.backends.immediate.ImmediateBackend"
        settings.TASKS = {"default": {"BACKEND": immediate, "QUEUES": ["default", "mail"]}}
        request.getfixturevalue("tasks")
    else:
        request.getfixturevalue("worker")
    from django.tasks import default_task_backend

    return default_task_backend


@pytest.fixture
def known(backend, tasks):
    """The tasks of the project, with each of the back-ends."""
    return tasks
