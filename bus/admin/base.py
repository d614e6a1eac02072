"""What all of our admins are: their lists answer whatever is asked of them in an address.

Lists that are only looked at count, and page through, so many rows at most: there may be millions.
"""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.paginator import Paginator
from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

# What SQLite says where a function of Django's, such as that of `regex`, cannot take its arguments.
_IN_A_FUNCTION = "user-defined function raised exception"


class AnsweringList(ChangeList):
    """Django notices a lookup that cannot be asked; this one, also that it cannot be answered."""

    def get_results(self, request: HttpRequest) -> None:
        """Count and list; raises IncorrectLookupParameters, which the admin explains."""
        try:
            super().get_results(request)
        except InterfaceError:
            raise
        except Exception as error:
            if isinstance(error, OperationalError) and _IN_A_FUNCTION not in str(error):
                # The database is away: that is no matter of lookups.
                raise
            # As Django does for all that is raised before the database is asked.
            raise IncorrectLookupParameters(error) from error


class BoundedPaginator(Paginator):
    """Counts up to a limit; filters and search find what lies beyond."""

    limit = 10_000

    @cached_property
    def count(self) -> int:
        """How many there are, at most the limit."""
        rows = cast(QuerySet[Any], self.object_list)
        return rows.order_by()[: self.limit].count()


class BaseAdmin(admin.ModelAdmin):
    """What each of our ModelAdmins is."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that answers."""
        return AnsweringList


class ReadOnlyAdmin(BaseAdmin):
    """What is to be looked at: services alone write it."""

    paginator = BoundedPaginator
    # Beside a search, Django counts the whole table.
    show_full_result_count = False

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Services alone add."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Services alone change."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """What is there is evidence."""
        return False


def person(request: HttpRequest) -> AbstractBaseUser | None:
    """Who uses the admin."""
    user = request.user
    return cast(AbstractBaseUser, user) if user.is_authenticated else None
