"""How requests are read: strict JSON."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from ninja.parser import Parser
from ninja.types import DictStrAny
from pydantic_core import from_json

from bus.protocol.errors import Invalid


class StrictParser(Parser):
    """Takes JSON that every hop after this one can carry: no NaN, no half characters."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        """The body's value; raises Invalid."""
        try:
            return cast(DictStrAny, from_json(request.body, allow_inf_nan=False))
        except ValueError as error:
            raise Invalid(f"The body is not JSON: {error}.") from error
