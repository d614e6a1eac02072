"""What the scripts are given by name is what they read, and say that they read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

BROKER = Path(__file__).resolve().parents[3] / "bus" / "broker"
# By script: the file, and the name of the map that it packs there.
GIVEN = {
    "claim": ("stream.py", "options"),
    "settle": ("stream.py", "kept"),
    "dead_letters": ("operations/dead_letters.py", "options"),
}


def given(path: str, name: str) -> set[str]:
    """The keys of a map that a module packs."""
    tree = ast.parse((BROKER / path).read_text("utf-8"))
    return {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        if [getattr(target, "id", "") for target in node.targets] == [name]
        for key in node.value.keys
        if isinstance(key, ast.Constant)
    }


@pytest.mark.parametrize("script", GIVEN)
def test_a_script_reads_by_name_what_it_is_given(script: str) -> None:
    source = (BROKER / "scripts" / f"{script}.lua").read_text("utf-8")
    code = re.sub(r"--[^\n]*", "", source)
    read = set(re.findall(r"\boptions\.(\w+)", code))
    assert read == given(*GIVEN[script])
    head = source.partition("\nlocal ")[0]
    assert all(re.search(rf"\b{name}\b", head) for name in read), "its head names them"


@pytest.mark.parametrize("script", [path.stem for path in sorted((BROKER / "scripts").glob("*"))])
def test_what_is_shared_is_in_the_prelude(script: str) -> None:
    if script in ("prelude", "clock"):
        return
    code = (BROKER / "scripts" / f"{script}.lua").read_text("utf-8")
    # The clock, the partition of a key, the name of a stream, who owns what, and how one lets go.
    for own in (
        "'TIME'",
        "sha1hex",
        "'HGET', KEYS[1], 'partitions:'",
        "'XACK'",
        "cmsgpack.pack(kept",
    ):
        assert own not in code
