"""Modules are named by words of a list: a new word is a decision, and every word is in use."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
WORDS = Path(__file__).with_name("module_words.txt")


def allowed() -> list[str]:
    """The words of the list; `#` begins a remark."""
    lines = WORDS.read_text("utf-8").splitlines()
    return [word for line in lines for word in line.partition("#")[0].split()]


def words_in_use() -> dict[str, set[str]]:
    """Each word of a package's or module's name, and where it is."""
    found: dict[str, set[str]] = {}
    for path in (*(ROOT / "bus").rglob("*.py"), *(ROOT / "config").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if ("management" in parts and "commands" in parts) or "migrations" in parts:
            continue
        for part in parts:
            for word in part.strip("_").split("_"):
                found.setdefault(word, set()).add("/".join(parts))
    return {word: where for word, where in found.items() if word != "init"}


def test_modules_are_named_by_words_of_the_list() -> None:
    known = set(allowed())
    new = {word: sorted(where) for word, where in words_in_use().items() if word not in known}
    assert not new, "take a word of the glossary, or add this one there and to module_words.txt"


def test_every_word_of_the_list_is_in_use() -> None:
    assert not set(allowed()) - set(words_in_use()), "take it off the list"


def test_the_list_is_sorted_and_says_each_word_once() -> None:
    assert allowed() == sorted(set(allowed()))


def test_the_glossary_says_each_term_once_in_a_sentence() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", text, re.M)
    terms = [term.strip("`").lower() for term, _ in rows]
    assert len(terms) == len(set(terms)) > 40
    assert all(says.endswith(".") and len(says) < 140 for _, says in rows)
