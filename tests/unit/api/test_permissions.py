"""Who may do what: Django's permissions, stated by each endpoint and each action of the admin."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.test import AsyncRequestFactory
from ninja import NinjaAPI
from ninja.operation import Operation

from bus.api import health
from bus.api.auth import ApiKeyAuth, StaffAuth
from bus.api.root import api


def operations(found: NinjaAPI) -> Iterator[tuple[str, Operation]]:
    """Every endpoint there is, with its method and path."""
    for prefix, router in found._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                yield f"{'/'.join(operation.methods)} {prefix}{path}", operation


def known_permissions() -> set[str]:
    """What Django makes of our models: its own for each, and those of their Meta."""
    known = set()
    for model in apps.get_app_config("bus").get_models():
        meta = model._meta
        own = [get_permission_codename(action, meta) for action in meta.default_permissions]
        known |= {f"bus.{name}" for name in [*own, *(name for name, _ in meta.permissions)]}
    return known


ALL = dict(operations(api))


def test_the_endpoints_are_found() -> None:
    assert len(ALL) >= 4
    paths: dict[str, Any] = api.get_openapi_schema()["paths"]
    assert sum(len(methods) for methods in paths.values()) == len(ALL)


@pytest.mark.parametrize("name", ALL)
def test_each_endpoint_states_a_permission_that_there_is(name: str) -> None:
    key, staff = ALL[name].auth_callbacks
    assert isinstance(key, ApiKeyAuth)
    assert isinstance(staff, StaffAuth)
    assert staff.permission in known_permissions()
    assert (ALL[name].openapi_extra or {})["x-permission"] == staff.permission


def test_each_action_of_the_admin_states_a_permission() -> None:
    actions = [
        (type(found).__name__, action)
        for model, found in admin.site._registry.items()
        if model._meta.app_label == "bus"
        for action, _, _ in found._get_base_actions()
        if action.__name__ != "delete_selected"
    ]
    assert len(actions) >= 4
    for name, action in actions:
        assert getattr(action, "allowed_permissions", ()), f"{name}.{action.__name__}"


@pytest.mark.asyncio
async def test_nobody_is_signed_in_where_the_project_has_no_middleware_for_it() -> None:
    request = AsyncRequestFactory().get("/readyz")
    request.COOKIES[settings.SESSION_COOKIE_NAME] = "somebody's"
    assert not hasattr(request, "auser")
    assert await StaffAuth("bus.view_channel")(request) is None
    assert await health._may_know(request) is False
