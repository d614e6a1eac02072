"""The `moderate` command, by the function that answers its lines and through standard input."""

import io
import json
import sys
from typing import Any

import pytest
from django.core.management import call_command

from bus.management.bus_commands.moderate import encode, moderate
from bus.moderation import POLICIES

STANDARD = POLICIES["standard"]


def run(monkeypatch: pytest.MonkeyPatch, sent: bytes, *args: str) -> list[dict[str, Any]]:
    """What the command writes for these bytes."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent)))
    out = io.StringIO()
    call_command("moderate", *args, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_in_is_a_line_out(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = run(monkeypatch, "hello\r\n\n시발\n".encode())
    assert [answer["action"] for answer in answers] == ["allow", "allow", "reject"]
    assert answers[0] == {"action": "allow", "score": 0.0, "rules": [], "masked": "hello"}


def test_the_policy_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, b"fuck\n", "--policy", "relaxed")[0]["masked"] == "****"


def test_bytes_that_are_no_text_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, b"\xff\xfe shit\n")[0]["action"] == "reject"


def test_answers_come_before_the_next_line_is_read() -> None:
    answers = moderate(iter(["one\n"]), STANDARD)
    assert next(answers)["masked"] == "one"


def test_wrong_json_lines_are_named_and_the_run_goes_on() -> None:
    lines = ['{"text": "hi"}', "nope", "[]", '{"text": 7}', '{"text": "fuck"}']
    answers = list(moderate(lines, STANDARD, jsonl=True))
    assert [a.get("action") for a in answers] == ["allow", None, None, None, "reject"]
    error = answers[1]["error"]
    assert error["code"] == "invalid"
    assert error["message"].startswith("line 2: ")


def test_wrong_lines_make_the_run_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, b'{"text": "hi"}\nnope\n', "--jsonl")
    assert stop.value.code == 1


def test_halves_of_surrogates_are_written_as_json_escapes() -> None:
    (answer,) = moderate(['{"text": "\\ud83d hi"}'], STANDARD, jsonl=True)
    line = encode(answer)
    line.encode()
    assert json.loads(line)["masked"] == "\ud83d hi"
