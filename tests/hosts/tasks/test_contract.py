"""What Django's documentation says of defining and enqueueing, next to its immediate back-end."""

import inspect
import math
from datetime import UTC, datetime

import pytest

pytest.importorskip("django.tasks", reason="django.tasks came with Django 6.0")

from asgiref.sync import async_to_sync
from django.core.checks import run_checks
from django.tasks import Task, TaskResultStatus, task
from django.tasks.exceptions import (
    InvalidTask,
    InvalidTaskBackend,
)
from host.wait import finished

# ---- Defining ----


def test_the_decorator_makes_a_task_of_the_documented_defaults(known):
    assert isinstance(known.add, Task)
    assert (known.add.name, known.add.module_path) == ("add", "host.tasks.add")
    assert (known.add.priority, known.add.queue_name, known.add.backend) == (
        0,
        "default",
        "default",
    )
    assert (known.add.run_after, known.add.takes_context) == (None, False)
    assert (known.mail.priority, known.mail.queue_name) == (7, "mail")
    assert known.about.takes_context


def test_a_task_is_changed_in_a_copy_alone(known):
    changed = known.add.using(priority=10, queue_name="mail")
    assert (changed.priority, changed.queue_name, changed.func) == (10, "mail", known.add.func)
    assert (known.add.priority, known.add.queue_name) == (0, "default")
    with pytest.raises(AttributeError):
        known.add.priority = 3


def test_a_task_can_be_called_here_and_now(known):
    assert known.add.call(1, b=2) == known.add_later.call(1, b=2) == 3
    assert async_to_sync(known.add.acall)(1, 2) == async_to_sync(known.add_later.acall)(1, 2) == 3


def test_only_a_function_of_a_module_is_a_task(backend):
    def inner():
        """Is found under no path."""

    for function in (inner, lambda: None, math.floor):
        with pytest.raises(InvalidTask, match="module level"):
            task(function)


@pytest.mark.parametrize("priority", [-101, 101, 1.5])
def test_a_priority_is_a_whole_number_from_minus_100_to_100(known, priority):
    with pytest.raises(InvalidTask, match="whole number"):
        known.add.using(priority=priority)
    assert [known.add.using(priority=n).priority for n in (-100, 100)] == [-100, 100]


def test_a_queue_is_one_of_the_settings(known):
    with pytest.raises(InvalidTask, match="'nowhere' is not valid"):
        known.add.using(queue_name="nowhere")


def test_a_task_that_takes_a_context_has_an_argument_for_it(known):
    with pytest.raises(InvalidTask, match="first argument of 'context'"):
        task(takes_context=True)(known.add.func)


def test_a_backend_is_one_of_the_settings(known):
    with pytest.raises(InvalidTaskBackend):
        known.add.using(backend="nowhere")


def test_the_settings_pass_the_checks(backend):
    assert [one for one in run_checks() if "TASKS" in str(one)] == []


# ---- Enqueueing ----


@pytest.mark.parametrize("name", ["add", "add_later"])
@pytest.mark.parametrize("way", ["enqueue", "aenqueue"])
def test_functions_and_coroutines_are_enqueued_both_ways(known, name, way):
    enqueue = getattr(getattr(known, name), way)
    if inspect.iscoroutinefunction(enqueue):
        enqueue = async_to_sync(enqueue)
    result = enqueue(2, b=5)
    assert isinstance(result.id, str)
    assert 0 < len(result.id) < 64
    assert (result.args, result.kwargs, result.backend) == ([2], {"b": 5}, "default")
    assert result.task == getattr(known, name)
    assert finished(result).return_value == 7
    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.errors == []


def test_two_results_have_two_ids(known):
    assert known.add.enqueue(1).id != known.add.enqueue(1).id


@pytest.mark.parametrize(
    ("value", "comes_back"),
    [
        (None, None),
        (True, True),
        (2**70, 2**70),
        (-0.5, -0.5),
        ("한국어 \x00 \U0001f600", "한국어 \x00 \U0001f600"),
        ("\ud800", "\ud800"),
        ((1, (2, 3)), [1, [2, 3]]),
        (b"bytes", "bytes"),
        ({"b": 1, "a": {"": [{}]}}, {"b": 1, "a": {"": [{}]}}),
    ],
)
def test_json_comes_and_goes_as_it_is(known, value, comes_back):
    result = finished(known.give_back.enqueue(value))
    assert result.args == [comes_back]
    assert result.return_value == comes_back
    assert finished(known.give_back.enqueue(value=value)).return_value == comes_back


def test_numbers_that_json_has_no_words_for_come_and_go_too(known):
    value = finished(known.give_back.enqueue([math.inf, math.nan])).return_value
    assert value[0] == math.inf
    assert math.isnan(value[1])


def test_keys_of_a_dict_keep_their_order(known):
    result = finished(known.give_back.enqueue({"z": 1, "a": 2}, y=1, b=2))
    assert list(result.return_value) == ["value", "y", "b"]
    assert list(result.return_value["value"]) == ["z", "a"]


@pytest.mark.parametrize("odd", [datetime.now(UTC), {1, 2}, object(), [object()], 1j])
def test_what_is_no_json_is_refused(known, odd):
    with pytest.raises(TypeError, match="Unsupported type"):
        known.add.enqueue(odd)
    with pytest.raises(TypeError, match="Unsupported type"):
        known.add.enqueue(1, b=odd)


def test_bytes_that_are_no_text_are_refused(known):
    with pytest.raises(ValueError, match="Unsupported value"):
        known.add.enqueue(b"\xff")


def test_what_is_changed_later_was_enqueued_as_it_was(known):
    value = [1]
    result = known.give_back.enqueue(value)
    value.append(2)
    assert finished(result).return_value == [1]


def test_a_task_may_enqueue_another(known):
    assert finished(known.enqueue_another.enqueue(4)).return_value


@pytest.mark.parametrize("priority", [-100, -1, 0, 1, 100])
def test_each_priority_runs(known, priority):
    result = known.add.using(priority=priority).enqueue(1)
    assert finished(result).return_value == 2
    assert result.task.priority == priority


def test_each_queue_runs(known):
    result = finished(known.mail.enqueue("ann"))
    assert (result.return_value, result.task.queue_name) == ("ann", "mail")
