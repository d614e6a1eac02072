"""ARCHITECTURE.md names the parts between the hub and a socket, as they are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_each_part_is_a_class_where_the_page_says() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    section = page.partition("## From the hub to a socket")[2].partition("\n#")[0]
    parts = re.findall(r"^\| (\d) \| `(\w+\.py)`, `(\w+)` \|", section, re.M)
    assert [number for number, _, _ in parts] == [str(number) for number in range(1, 9)]
    for _, file, name in parts:
        tree = ast.parse((ROOT / "bus" / "realtime" / file).read_text("utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}, file
