"""What `chat` knows are people and rooms: no request, no response, no scope of a socket."""

from __future__ import annotations

import re
from pathlib import Path

from bus import chat


def test_chat_knows_no_transport() -> None:
    found = {
        path.name
        for path in Path(chat.__file__).parent.glob("*.py")
        if re.search(r"django\.http|\bscope\b|HttpRe|asgi", path.read_text("utf-8"))
    }
    assert found == set()
