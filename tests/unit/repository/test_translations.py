"""Every string that people may see has its Korean, compiled and with the same placeholders."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

BUS = Path(__file__).resolve().parents[3] / "bus"
CATALOGUES = BUS / "locale" / "ko" / "LC_MESSAGES"
TEXT = r"""(u?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))"""
IN_TEMPLATE = re.compile(r"\b(?:_|n?gettext)\(\s*" + TEXT)
IN_SCRIPT = re.compile(r"\bn?gettext\(\s*" + TEXT)
CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "gettext_noop"}
LINES = r"(?:\".*\"\n)+"
ENTRY = re.compile(
    rf"^msgid (?P<id>{LINES})(?:msgid_plural {LINES})?(?P<texts>(?:msgstr(?:\[\d\])? {LINES})+)",
    re.M,
)
MSGSTR = re.compile(rf"msgstr(?:\[\d\])? ({LINES})")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]")

Catalogue = dict[str, list[str]]


def compiled(domain: str) -> Catalogue:
    with (CATALOGUES / f"{domain}.mo").open("rb") as file:
        entries = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    found: Catalogue = {}
    for key, text in entries.items():
        found.setdefault(key[0] if isinstance(key, tuple) else key, []).append(text)
    del found[""]
    return found


def written(domain: str) -> Catalogue:
    source = (CATALOGUES / f"{domain}.po").read_text("utf-8")
    found: Catalogue = {}
    for entry in ENTRY.finditer(source):
        found[unquoted(entry["id"])] = [unquoted(text) for text in MSGSTR.findall(entry["texts"])]
    del found[""]
    return found


def unquoted(lines: str) -> str:
    return "".join(ast.literal_eval(line) for line in lines.splitlines())


def in_templates() -> Iterator[tuple[str, str]]:
    for path in sorted((BUS / "templates").rglob("*.[ht]*")):
        for found in IN_TEMPLATE.finditer(templatize(path.read_text("utf-8"))):
            yield ast.literal_eval(found[1]), path.name


def in_python() -> Iterator[tuple[str, str]]:
    for path in sorted(BUS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in CALLS and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value), path.name


def in_scripts() -> Iterator[tuple[str, str]]:
    for path in sorted((BUS / "static").rglob("*.js")):
        for found in IN_SCRIPT.finditer(path.read_text("utf-8")):
            yield ast.literal_eval(found[1]), path.name


def test_the_search_finds_strings_of_each_kind() -> None:
    assert ("Write a message…", "room.html") in set(in_templates())
    assert any("%(room_name)s" in text for text, _ in in_templates())
    assert ("Go to a room, or make one", "forms.py") in set(in_python())
    assert ("%(count)s new message", "log.js") in set(in_scripts())


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_every_string_is_translated(domain: str) -> None:
    korean = compiled(domain)
    used = [*in_templates(), *in_python()] if domain == "django" else [*in_scripts()]
    missing = {f"{place}: {text}" for text, place in used if not all(korean.get(text, [""]))}
    assert not missing, (
        f"without Korean in {domain}.po, or not compiled: `manage.py compilemessages`"
    )


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_translations_keep_their_placeholders(domain: str) -> None:
    for text, translations in compiled(domain).items():
        for translation in translations:
            assert set(PLACEHOLDER.findall(translation)) == set(PLACEHOLDER.findall(text)), text


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_the_compiled_catalogue_is_the_written_one(domain: str) -> None:
    assert compiled(domain) == written(domain)
