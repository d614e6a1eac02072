"""Which task runs before which, and beside which: keys, queues, priorities."""

import os
import re
import subprocess
import sys
from datetime import timedelta

import pytest

pytest.importorskip("django.tasks", reason="django.tasks came with Django 6.0")

import django
from django.core.checks import run_checks
from django.tasks import task, task_backends
from django.tasks.exceptions import InvalidTask
from django.utils import timezone
from host.wait import finished, until
from host.working import working

from bus.routing import channels
from bus.tasks import Backend, Task


def streams(broker, channel):
    """How many messages wait in a channel."""
    return sum(broker.xlen(key) for key in broker.keys(f"{{bus:{channel}}}:[0-9]*:[0-9]*"))


def test_tasks_of_one_key_run_one_after_the_other(tasks):
    ordered = tasks.note.using(ordering_key="customer-7")
    first = ordered.enqueue("first", holds=True)
    rest = [ordered.enqueue(n) for n in range(5)]
    other = tasks.note.using(ordering_key="customer-8").enqueue("other")
    with working(concurrency=4):
        until(lambda: "first" in tasks.ran, "the first")
        # Of another key: it may share the partition, by chance; these two do not.
        finished(other)
        assert set(tasks.ran) == {"first", "other"}
        tasks.gate.set()
        assert [finished(one).return_value for one in [first, *rest]] == ["first", *range(5)]
    assert [what for what in tasks.ran if what != "other"] == ["first", *range(5)]


def test_tasks_without_a_key_wait_for_no_other(tasks):
    results = [tasks.note.enqueue(n, holds=True) for n in range(12)]
    with working(concurrency=4):
        until(lambda: len(tasks.ran) >= 3, "three at once")
        tasks.gate.set()
        assert [finished(result).return_value for result in results] == list(range(12))


def test_a_key_may_be_made_of_the_arguments(tasks, worker):
    keyed = tasks.add.using(ordering_key=lambda a, **_: f"a-{a}")
    result = finished(keyed.enqueue(7, b=2))
    assert result.return_value == 9
    assert tasks.add.get_result(result.id).task.ordering_key == "a-7"
    assert tasks.add.get_result(tasks.add.enqueue(1).id).task.ordering_key is None


@pytest.mark.skipif(django.VERSION < (6, 1), reason="@task takes no more before Django 6.1")
def test_a_task_may_say_once_for_all_what_orders_it(tasks, worker):
    result = finished(tasks.keyed.enqueue(3, b=1))
    assert result.attempts == 2
    assert tasks.keyed.get_result(result.id).task.ordering_key == "a-3"


@pytest.mark.parametrize("key", ["x" * 201, "a\nb", 7, lambda a: 7])
def test_a_key_that_cannot_be_one_is_refused(tasks, key):
    with pytest.raises(InvalidTask, match="printable text of up to 200"):
        tasks.add.using(ordering_key=key).enqueue(1)


@pytest.mark.parametrize("attempts", [0, -1, 6, True, 1.0, "1"])
def test_attempts_that_cannot_be_are_refused(tasks, attempts):
    with pytest.raises(InvalidTask, match="from 1 to BUS_MAX_ATTEMPTS"):
        tasks.add.using(max_attempts=attempts)


def test_a_copy_keeps_what_is_not_changed(tasks):
    changed = tasks.add.using(ordering_key="k", max_attempts=2).using(priority=5)
    assert isinstance(changed, Task)
    assert (changed.ordering_key, changed.max_attempts, changed.priority) == ("k", 2, 5)
    assert (tasks.add.ordering_key, tasks.add.max_attempts) == (None, None)


@pytest.mark.parametrize(
    ("queue", "priority", "channel"),
    [
        ("default", 0, "tasks.default"),
        ("default", 1, "tasks-high.default"),
        ("default", 100, "tasks-high.default"),
        ("mail", -1, "tasks-low.mail"),
        ("mail", -100, "tasks-low.mail"),
    ],
)
def test_a_queue_and_a_band_of_priorities_are_a_channel(tasks, broker, queue, priority, channel):
    tasks.add.using(queue_name=queue, priority=priority).enqueue(1)
    assert streams(broker, channel) == 1
    assert channel in channels


def test_urgent_tasks_do_not_wait_behind_others(tasks, worker):
    for priority in (0, -5):
        tasks.note.using(priority=priority).enqueue(f"slow {priority}", holds=True)
    until(lambda: len(tasks.ran) == 2, "two slow ones")
    assert finished(tasks.note.using(priority=5).enqueue("urgent")).return_value == "urgent"
    assert not tasks.gate.is_set()


def test_a_worker_runs_the_channels_that_it_is_told(tasks):
    mail, add = tasks.mail.enqueue("ann"), tasks.add.enqueue(1)
    with working("tasks-high.mail"):
        finished(mail)
    assert tasks.add.get_result(add.id).status == "READY"


def test_a_task_for_later_holds_nothing_up(tasks, worker, broker):
    keyed = tasks.note.using(ordering_key="k")
    later = keyed.using(run_after=timezone.now() + timedelta(seconds=0.6)).enqueue("later")
    assert finished(keyed.enqueue("now")).return_value == "now"
    assert finished(later).started_at >= later.task.run_after
    assert tasks.ran == ["now", "later"]


def test_a_task_that_a_worker_would_not_find_is_refused(tasks):
    with pytest.raises(InvalidTask, match="is no task, but a function"):
        task(tasks.undecorated).enqueue()
    assert task(tasks.add.func).enqueue(1).status == "READY"
    hidden = type(tasks.undecorated)(tasks.undecorated.__code__, {}, "add")
    hidden.__module__, hidden.__qualname__ = "host.tasks", "add"
    with pytest.raises(InvalidTask, match=r"would not find this task under host\.tasks\.add"):
        task(hidden).enqueue()
    hidden.__module__ = "__main__"
    with pytest.raises(InvalidTask, match=r"under __main__\.add"):
        task(hidden).enqueue()


def test_keys_of_arguments_are_texts(tasks):
    with pytest.raises(TypeError, match=r"arguments of host\.tasks\.give_back.*key 1 is no text"):
        tasks.give_back.enqueue({1: "one"})


# ---- Settings ----


@pytest.mark.parametrize(
    ("of_ours", "id_", "says"),
    [
        ({"QUEUES": []}, "bus.E021", "takes any queue"),
        ({"QUEUES": ["a queue"]}, "bus.E021", "'a queue' cannot be the name of channels"),
        ({"QUEUES": ["q" * 90]}, "bus.E021", "cannot be the name of channels"),
        ({"OPTIONS": {"RETRIES": 3}}, "bus.E022", "mean nothing: RETRIES"),
        ({"OPTIONS": {"MAX_ATTEMPTS": 0}}, "bus.E022", "MAX_ATTEMPTS is a whole number"),
        ({"OPTIONS": {"MAX_ATTEMPTS": True}}, "bus.E022", "MAX_ATTEMPTS is a whole number"),
    ],
)
def test_settings_that_cannot_work_are_named(db, settings, of_ours, id_, says):
    settings.TASKS = {"default": {"BACKEND": "bus.tasks.Backend", **of_ours}}
    (error,) = [one for one in run_checks() if "TASKS" in one.msg]
    assert error.id == id_
    assert says in error.msg


def test_a_project_that_has_bus_for_its_tasks_alone_passes_the_checks(db):
    assert [one for one in run_checks() if one.is_serious()] == []


def test_a_project_without_the_app_is_told(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "bus"]
    (error,) = task_backends["default"].check()
    assert error.id == "bus.E023"


OF_TASKS = """
from host.settings import *
TASKS = {"default": {"BACKEND": "bus.tasks.Backend", "QUEUES": [], "OPTIONS": {"RETRIES": 3}}}
INSTALLED_APPS = [APPS]
"""
WITHOUT_APP = """
import django
django.setup()
from django.core.exceptions import ImproperlyConfigured
from django.tasks import default_task_backend, task
from textwrap import dedent
for ask in (lambda: task(dedent).enqueue('x'), lambda: default_task_backend.get_result("x")):
    try:
        ask()
    except ImproperlyConfigured as error:
        print(error)
"""


def run_beside(tmp_path, apps, *arguments):
    """What a program says in a project with these apps, and with odd TASKS."""
    (tmp_path / "odd.py").write_text(OF_TASKS.replace("[APPS]", repr(apps)))
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": paths, "DJANGO_SETTINGS_MODULE": "odd"}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("ours", "ids"),
    [("bus", {"bus.E021", "bus.E022"}), ("bus.broker", {"bus.E021", "bus.E022", "bus.E023"})],
)
def test_the_command_check_looks_at_tasks_that_nothing_has_imported(tmp_path, ours, ids):
    apps = ["django.contrib.auth", "django.contrib.contenttypes", ours, "channels"]
    told = run_beside(tmp_path, apps, "-m", "django", "check")
    assert set(re.findall(r"bus\.E\d+", told)) == ids, told


def test_a_task_without_the_app_says_which_is_missing(tmp_path):
    told = run_beside(tmp_path, ["bus.broker", "channels"], "-c", WITHOUT_APP)
    assert told.count("Add 'bus' to INSTALLED_APPS: results are kept in its tables.") == 2, told


def test_a_queue_that_no_channel_can_be_named_after_is_refused(settings, tasks):
    settings.TASKS = {"default": {"BACKEND": "bus.tasks.Backend", "QUEUES": []}}
    assert tasks.add.using(queue_name="q" * 89).queue_name
    with pytest.raises(InvalidTask, match="up to 89 ASCII letters"):
        tasks.add.using(queue_name="한국어")


def test_several_backends_each_run_their_own(settings, tasks):
    ours = "bus.tasks.Backend"
    settings.TASKS = {
        "default": {"BACKEND": ours},
        "reserve": {"BACKEND": ours, "QUEUES": ["spare"], "OPTIONS": {"MAX_ATTEMPTS": 1}},
        "now": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"},
    }
    assert isinstance(task_backends["reserve"], Backend)
    spare = tasks.fail.using(backend="reserve", queue_name="spare")
    with working():
        assert finished(tasks.add.enqueue(1)).return_value == 2
        result = finished(spare.enqueue("x"))
    assert (result.backend, result.attempts) == ("reserve", 1)
    assert tasks.add.using(backend="now").enqueue(1).return_value == 2


def test_what_the_broker_has_is_no_argument(tasks, broker):
    tasks.give_back.enqueue("secret")
    held = [broker.xrange(key) for key in broker.keys("*") if broker.type(key) == b"stream"]
    assert held
    assert b"secret" not in repr(held).encode()
