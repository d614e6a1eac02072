"""`python -m tools.moderation everyday`: whose everyday words are hit, and how often."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bus.moderation import POLICIES
from tools.moderation import everyday
from tools.moderation.__main__ import main

MINDED = replace(POLICIES["off"], ladders=POLICIES["standard"].ladders, words=("zork", "kurwa"))


def test_texts_are_counted_that_are_hit_by_what_is_no_swearing() -> None:
    texts = ["czy zork jest", "zork zork", "czy kurwa jest", "czy jest", "what the fuck"]
    found = everyday.count(texts, "pl", replace(MINDED, model=None))
    assert (found.texts, found.hit) == (5, 2)
    assert found.words == {"zork": 2}
    # Of other languages the same word is no swearing.
    assert everyday.count(texts, "ta", replace(MINDED, model=None)).hit == 3


def test_django_has_its_translations_without_their_heads() -> None:
    texts = everyday.translations("sh")
    assert len(texts) > 500
    # Croatian and Serbian in Latin letters, plurals too.
    assert any("polje" in text for text in texts)
    assert not any("Content-Type" in text for text in texts)
    assert all(texts)


def test_messages_are_drawn_by_frequency_and_the_worst_words_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"de": 0.9, "zork": 0.1}
    monkeypatch.setitem(
        sys.modules,
        "wordfreq",
        SimpleNamespace(
            available_languages=lambda _: {"nl": "nl", "en": "en"},
            get_frequency_dict=lambda *_, **__: words | {"motherzork": 0.0},
        ),
    )
    monkeypatch.setattr(everyday, "POLICIES", {"standard": MINDED})
    assert main(["everyday", "--only", "nl", "--messages", "2000"]) == 0
    line = next(text for text in capsys.readouterr().out.splitlines() if text.startswith("nl"))
    # One word in ten is hit: 65 % of the messages of ten.
    assert 60 < float(line.split()[1]) < 70
    assert "zork" in line
    assert "motherzork" not in line


def test_without_wordfreq_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wordfreq", None)
    assert main(["everyday"]) == 1
    assert "requirements/peers.txt" in capsys.readouterr().err
    assert main(["everyday", "--translations", "--only", "sw"]) == 0
    assert main(["everyday", "--translations", "--only", "xx"]) == 1
    assert "Nothing is known of xx" in capsys.readouterr().err
