"""Where in a nested value something is wrong: `prices.144`, so that its sender can mend it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Of a path its first and last parts are told; the rest is of no help.
_SHOWN = 12
_NESTED = (dict, list, tuple)

# The way down to a value, the last part first: (key or position, the way to what holds it).
_Way = tuple[Any, Any] | None


def odd_key(value: Any, *kinds: type) -> tuple[str, object] | None:
    """The path and the key of the first entry, at any depth, whose key is of another kind.

    The value has an end: a serialiser took it.
    """
    left: list[tuple[Any, _Way]] = [(value, None)]
    while left:
        nested, way = left.pop()
        if isinstance(nested, dict):
            for key, inner in nested.items():
                if not isinstance(key, kinds):
                    return _dotted((key, way)), key
                if isinstance(inner, _NESTED):
                    left.append((inner, (key, way)))
        else:
            left += [(v, (at, way)) for at, v in enumerate(nested) if isinstance(v, _NESTED)]
    return None


def path_where(value: Any, wrong: Callable[[Any], bool]) -> str:
    """The path of the first key, or value that holds no others, that is wrong.

    Where none is, it is the depth: then that of the entry which leads too deep.
    """
    left: list[tuple[Any, _Way]] = [(value, None)]
    seen: set[int] = set()
    while left:
        nested, way = left.pop()
        if not isinstance(nested, _NESTED):
            if wrong(nested):
                return _dotted(way)
        elif id(nested) not in seen:
            # One that holds itself has no end.
            seen.add(id(nested))
            rows = list(nested.items() if isinstance(nested, dict) else enumerate(nested))
            for key, _ in rows if isinstance(nested, dict) else ():
                if not isinstance(key, str | bytes) or wrong(key):
                    return _dotted((key, way))
            left += [(inner, (key, way)) for key, inner in reversed(rows)]
    rows = list(value.items() if isinstance(value, dict) else ())
    return next((_dotted((key, None)) for key, inner in rows if wrong(inner)), "")


def _dotted(way: _Way) -> str:
    parts: list[str] = []
    while way is not None:
        key, way = way
        # What was no text at all can be told, too.
        parts.append(str(key).encode("utf-8", "backslashreplace").decode()[:60])
    parts.reverse()
    if len(parts) > _SHOWN:
        parts[_SHOWN // 2 : -_SHOWN // 2] = ["…"]
    return ".".join(parts)
