"""The tables that bring look-alike letters to plain ones, made from Unicode's own data."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from bus.moderation.text.eastern import simplified
from bus.moderation.text.hangul import FINALS, INITIALS, VOWELS
from bus.moderation.text.indic import indic_letter

# Everything that Unicode folds lives in these blocks. It folds no ideographs nor Hangul syllables,
# and leaving them out keeps the import under 100 ms.
_BLOCKS: Final = (
    range(0x80, 0x3131),
    range(0x3164, 0x3400),
    range(0xA640, 0xA830),
    range(0xAB30, 0xAB70),
    range(0xF900, 0xF901),
    range(0xFB00, 0xFB07),
    # Arabic letters, as each place in a word draws them, are the first of these.
    range(0xFB50, 0xFFFC),
    # Signs that only steer how others are shown.
    range(0x13430, 0x13440),
    range(0x1BCA0, 0x1BCA4),
    range(0x1D173, 0x1D17B),
    range(0x1D400, 0x1D800),
    range(0x1F100, 0x1F200),
    range(0xE0000, 0xE0080),
    range(0xE0100, 0xE01F0),
)

# Letters of other scripts, and signs, under the Latin one that they are read as. Those that Unicode
# names after a Latin letter (a hook, a stroke, a small capital) are found by their names.
_LOOKALIKES: Final = {
    "a": "аαΑɐɑʌΛΔեꓮ∀ⲁᗩᎪ",
    "b": "бвьΒβъҍƅꓐⲃᗷᏴ",
    "c": "сϲς¢₵ɔⅽꓚⲥ©ᑕᏟ",
    "d": "ԁδðժꓓⅾ₫ᗪᎠ",
    "e": "еєҽεΕΣɛɘəǝ℮€ꓰҿⲉᗴᕮᎬ",
    "f": "ғϝɟƒꓝ₣քᖴ",
    "g": "ԍɡɢցꓖ₲ɠƃᏀᏳ",
    "h": "һнΗհɥꓧћђᕼᎻ",
    "i": "іιΙɩɪıꓲ¡ӏⅰїᴉᏆ",
    "j": "јϳյꓙᒍᎫ",
    "k": "кκΚқҝӄʞꓗⲕᏦ",
    "l": "ⅼꓡ£ʟԼլᒪᏞ",
    "m": "мΜɯꓟⅿ₥ⲙᗰᎷ",
    "n": "пηΝոռπŋꓠ₦ⲛᑎ",
    "o": "оοΟσօθɵꓳⵔⲟºØ",
    "p": "рρΡþꓑ₱ⲣᑭᏢ",
    "q": "ԛզգ",
    "r": "гɹꓣя®ɾᖇᏒᎡ",
    "s": "ѕꓢ§ʂᔕᏚᏕ",
    "t": "тτΤꓔ✝†₮ⲧʇᎢ",
    "u": "цυսμµʊꓴᑌ",
    "v": "ѵνᴠꓦʋⅴᐯᏙ",
    "w": "ԝωшщաꓪ₩ʍᗯᎳ",
    "x": "хχΧꓫⅹ×ⲭ",
    "y": "уγΥүұꓬ¥ყʎᎩᎽ",
    "z": "ΖζꓜⲌᏃ",
}
# Arabic letters that are written for one another: with and without hamza, final ones, Persian ones.
_ARABIC: Final = {"ا": "ٱأإآٲٳ", "ه": "ةھہەۀۃۂ", "ي": "ىیېےئ", "ك": "کڪ", "ف": "ڤ", "ب": "پ"}
# It only draws a word out.
_TATWEEL: Final = "\u0640"
# Living alphabets whose words are read as Latin only where they pose as Latin: Greek, Cyrillic,
# Armenian, Georgian.
_ALPHABETS: Final = (
    "\u0370-\u03ff\u1f00-\u1fff\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f"
    "\u0531-\u0588\u10a0-\u10ff"
)
# Those of their letters that nobody tells from a Latin one. A word of these alone may pose.
_POSING: Final = "АВЕЅІЈКМНОРСТУХҮҺӀԌԚԜавекмнорстухѕіјһԁԛԝѵӏүԍΑΒΕΖΗΙΚΜΝΟΡΤΥΧϒϹϳϲαβεικνορτυχОՕօոսհց"
# Accents, and what is not seen, stand in words of any alphabet.
_MARKS: Final = "\u0300-\u036f\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f"
# Beside these a word mixes scripts: Latin letters, plain, accented, wide and mathematical.
_LATIN: Final = (
    "A-Za-z\u00aa\u00ba\u00c0-\u024f\u0250-\u02af\u1e00-\u1eff\uff21-\uff5a\U0001d400-\U0001d7ff"
)
_LATIN_NAME: Final = re.compile(
    r"LATIN (?:CAPITAL |SMALL )?LETTER (?:SMALL CAPITAL )?([A-Z])(?: WITH .*)?$"
    r"|REGIONAL INDICATOR SYMBOL LETTER ([A-Z])$"
)
_DROPPED: Final = frozenset(("Cf", "Mn", "Me"))
# Kana, and their voice marks, are no accented letters: ばか is not はか.
_KANA: Final = re.compile("[\u3041-\u30ff]").search
# Letters that show nothing: Hangul fillers and the empty Braille cell.
_INVISIBLE: Final = frozenset((0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0))

# Conjoining jamo (as in decomposed text) to the compatibility jamo that people type.
JAMO: Final[dict[str, str]] = {
    **{chr(0x1100 + i): letter for i, letter in enumerate(INITIALS)},
    **{chr(0x1161 + i): letter for i, letter in enumerate(VOWELS)},
    **{chr(0x11A8 + i): letter for i, letter in enumerate(FINALS)},
}


def _looks_like(code: int) -> str | None:
    """What one character is read as; None when it is not seen at all."""
    char = chr(code)
    if _KANA(wide := unicodedata.normalize("NFKC", char)):
        return wide.replace(" ", "")
    if (letter := indic_letter(char)) is not None:
        return letter or None
    if code in _INVISIBLE or char == _TATWEEL or unicodedata.category(char) in _DROPPED:
        return None
    if (
        "\u1100" <= wide[0] <= "\u11ff"
        or "가" <= wide[0] <= "힣"
        or "\u3131" <= wide[0] <= "\u3163"
    ):
        return "".join(JAMO.get(part, part) for part in wide)
    name = unicodedata.name(char, "")
    if ("LATIN" in name or "REGIONAL" in name) and (named := _LATIN_NAME.search(name)):
        return (named[1] or named[2]).lower()
    parts = unicodedata.normalize("NFKD", char)
    if parts == char:
        return char.lower()
    kept = "".join(part for part in parts if unicodedata.category(part) not in _DROPPED)
    return kept.lower()


def _pairs() -> Iterator[tuple[int, str | None]]:
    """Every character that folds, with what it folds to."""
    yield from ((code, chr(code).lower()) for code in range(ord("A"), ord("Z") + 1))
    for block in _BLOCKS:
        for code in block:
            # Conjoining jamo keep their identity until they are composed into syllables.
            if 0x1100 <= code <= 0x11FF and code not in _INVISIBLE:
                continue
            if (alike_one := _looks_like(code)) != chr(code):
                yield code, alike_one
    # Half of a surrogate pair is no character, and the matcher takes none.
    yield from ((code, "\ufffd") for code in range(0xD800, 0xE000))


def _table() -> dict[int, str | None]:
    """The whole table, look-alikes last, for they go through what Unicode says first."""
    table = dict(_pairs())
    alike = {
        ord(theirs): ours
        for ours, all_theirs in (_LOOKALIKES | _ARABIC).items()
        for theirs in all_theirs
    }
    # A capital or an accented letter of another script has folded to its plain small one by now.
    for code, alike_one in table.items():
        if alike_one is not None and len(alike_one) == 1:
            table[code] = alike.get(ord(alike_one), alike_one)
    return table | alike | simplified() | {ord("ß"): "ss", ord("ẞ"): "ss"}


TABLE: Final = _table()


# Words of those alphabets that do not pose, several in a row together.
_NATIVE_WORD: Final = (
    f"(?<![{_LATIN}{_ALPHABETS}{_MARKS}])"
    f"[{_POSING}{_MARKS}]*+[{_ALPHABETS}][{_ALPHABETS}{_MARKS}]*+(?![{_LATIN}])"
)
native_words: Final = re.compile(f"{_NATIVE_WORD}(?:[ ,.!?-]+{_NATIVE_WORD})*+").finditer
any_of_alphabets: Final = re.compile(f"[{_ALPHABETS}]").search


def _native_table() -> dict[int, str | None]:
    """The table for words of those alphabets: lower case, accents off, and no letter another."""
    native = re.compile(f"[{_ALPHABETS}]").match
    return (
        TABLE
        | {
            code: _looks_like(code)
            for block in (*_BLOCKS, range(0xA640, 0xA6A0))
            for code in block
            if native(chr(code)) and code in TABLE
        }
        | {ord("ς"): "σ"}
    )


# The same widths as TABLE has: every letter becomes as many.
NATIVE: Final = _native_table()
