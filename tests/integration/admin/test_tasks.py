"""The admin of tasks: looked at, found and never changed, at one cost however many there are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bus.admin.base import BoundedPaginator
from bus.models import TaskResult

pytestmark = pytest.mark.django_db

LIST = "/admin/bus/taskresult/"


@pytest.fixture
def staff() -> Client:
    """Somebody who may look at tasks, and do nothing else."""
    user = User.objects.create_user("mina", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_taskresult"))
    client = Client()
    client.force_login(user)
    return client


def make(number: int, **values: Any) -> TaskResult:
    row = TaskResult(
        id=f"{number:032x}",
        path="shop.tasks.charge",
        backend="default",
        queue_name="default",
        args=[number],
        kwargs={},
        enqueued_at=timezone.now() + dt.timedelta(seconds=number),
    )
    for name, value in values.items():
        setattr(row, name, value)
    row.save(force_insert=True)
    return row


def listed(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"{LIST}?{query}")
    assert answer.status_code == 200
    return [row.pk for row in answer.context["cl"].result_list]


def test_tasks_are_listed_newest_first_and_found(staff: Client, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "bus.tasks.Backend", "QUEUES": ["default", "mail"]}}
    failed = make(0xA0, status="FAILED", queue_name="mail", worker_ids=["one", "two"])
    done = make(0xB0, status="SUCCESSFUL", path="shop.tasks.ship_order")
    assert listed(staff) == [done.pk, failed.pk]
    page = staff.get(LIST).content.decode()
    assert 'class="field-attempts">2<' in page
    assert listed(staff, "status__exact=FAILED") == [failed.pk]
    assert "?queue_name=mail" in page
    assert listed(staff, "queue_name=mail") == [failed.pk]
    assert listed(staff, "queue_name=default") == [done.pk]
    assert listed(staff, f"q={done.pk[:31]}") == [done.pk]
    assert listed(staff, "q=Ship_order") == [done.pk]
    assert listed(staff, "q=refund") == []


def test_a_task_is_read_whole(staff: Client) -> None:
    error = {"exception_class_path": "shop.Odd", "traceback": "Traceback <b>\nshop.Odd: \ud800"}
    row = make(
        1,
        status="FAILED",
        args=["<i>", "\0"],
        kwargs={"이름": 1},
        errors=[error, {**error, "traceback": ""}],
        worker_ids=["host-1", "host-2"],
        ordering_key="customer-1",
    )
    answer = staff.get(f"{LIST}{row.pk}/change/")
    assert answer.status_code == 200
    page = answer.content.decode()
    for told in (
        *("&lt;i&gt;", "\\u0000", "이름", "shop.Odd: \\ud800", "host-1, host-2"),
        *("customer-1", "Traceback &lt;b&gt;", row.pk),
    ):
        assert told in page
    done = make(2, status="SUCCESSFUL", return_value={"paid": True})
    assert "&quot;paid&quot;: true" in staff.get(f"{LIST}{done.pk}/change/").content.decode()


def test_nobody_writes_them(staff: Client, admin_client: Client) -> None:
    row = make(1)
    for client in (staff, admin_client):
        assert client.get(f"{LIST}add/").status_code == 403
        assert client.post(f"{LIST}{row.pk}/change/", {"status": "FAILED"}).status_code == 403
        assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        client.post(LIST, chosen)
    row.refresh_from_db()
    assert row.status == "READY"


def test_who_has_no_permission_sees_none() -> None:
    client = Client()
    client.force_login(User.objects.create_user("jun", is_staff=True))
    row = make(1)
    assert client.get(LIST).status_code == 403
    assert client.get(f"{LIST}{row.pk}/change/").status_code == 403
    assert b"taskresult" not in client.get("/admin/").content


def test_it_speaks_korean(staff: Client) -> None:
    row = make(1)
    for path in (LIST, f"{LIST}{row.pk}/change/"):
        page = staff.get(path, headers={"Accept-Language": "ko"}).content.decode()
        assert "대기열" in page
        assert "대기 중" in page


class Twenty(BoundedPaginator):
    limit = 20


def test_a_list_costs_the_same_however_many_there_are(staff: Client) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            assert listed(staff)
        return [query["sql"] for query in asked]

    make(1)
    queries()
    few = queries()
    for number in range(2, 40):
        make(number, errors=[{"exception_class_path": "a.B", "traceback": "long" * 100}])
    many = queries()
    assert len(many) == len(few)
    assert not any('"errors"' in sql or '"return_value"' in sql for sql in many)
    # Nor are more rows counted than can be paged through.
    counts = [sql for sql in many if "COUNT(" in sql and "bus_taskresult" in sql]
    assert counts
    assert all(f"LIMIT {BoundedPaginator.limit}" in sql for sql in counts)
    pages = Twenty(TaskResult.objects.order_by("pk"), 10)
    assert (pages.count, pages.num_pages) == (20, 2)
