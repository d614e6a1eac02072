"""client.js: its own tests under Node, and its size."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / "bus" / "static" / "bus" / "client.js"
TESTS = sorted((ROOT / "tests" / "unit" / "static").glob("*.test.mjs"))
SIZE_LIMIT = 6_000  # bytes, gzipped


def test_the_client_fits_in_6_kb() -> None:
    assert len(gzip.compress(CLIENT.read_bytes(), 9)) <= SIZE_LIMIT


def test_the_client_knows_no_dom_and_imports_nothing() -> None:
    source = CLIENT.read_text("utf-8")
    assert "import " not in source
    assert "querySelector" not in source
    assert "createElement" not in source


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_in_node(path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI=true, and there is no `node` on the PATH to test client.js with")
        pytest.skip("no `node` on the PATH: install Node 20 or later to test client.js")
    run = subprocess.run(
        [node, "--no-warnings", "--test", str(path)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr
