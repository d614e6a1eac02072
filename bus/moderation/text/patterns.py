"""Patterns of RE2, whose time grows with the text and no faster."""

from typing import Any

import re2


def linear(pattern: str, *, same_case: bool = True, memory: int | None = None) -> Any:
    """A pattern, of up to so many bytes of `memory`, by default RE2's own; raises re2.error."""
    options = re2.Options()
    options.case_sensitive = same_case
    # The error says the same.
    options.log_errors = False
    if memory is not None:
        options.max_mem = memory
    return re2.compile(pattern, options)
