"""Folding, and the way back to the text as written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.moderation.text.normalise import normalise
from tests.support import hard_texts


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Hello", "hello"),
        ("ＡＢＣ１", "abc1"),
        ("𝐛𝓸𝔩𝕕", "bold"),
        ("ⓐⓑ🅒🄳🅴", "abcde"),
        ("ʙᴏʟᴅ", "bold"),
        ("раура1", "paypa1"),
        ("ΒΟΤ", "bot"),
        ("fûñ\u0301", "fun"),
        ("a\u200b\u202e\u00adb", "ab"),
        ("ﬁne", "fine"),
        ("Straße GROẞ", "strasse gross"),
        ("ßad", "bad"),
        ("안녕 ㅋㅋ", "안녕 ㅋㅋ"),
        # Tatweel, vowels, hamza, the last letters of words, letters as they are drawn.
        ("مـــدرسة", "مدرسه"),
        ("مَدْرَسَةٌ", "مدرسه"),
        ("أحمد إلى آخر ٱلليل", "احمد الي اخر الليل"),
        ("ﻣﺪﺭﺳﺔ", "مدرسه"),
        ("کتاب", "كتاب"),
        # Vowels of India's scripts are letters; long and nasal ones, nukta and virama tell nothing.
        ("की", "कइ"),
        ("पढ़ाई", "पढआइ"),
        ("चाँद चांद", "चआङद चआङद"),
        ("हिन्दी", "हइनदइ"),
        ("क‍ख", "कख"),
        ("\u1100\u1161\u11a8", "각"),
        ("ﾤￂ", "ㄴㅏ"),
        ("㉠㉮", "ㄱ가"),
        ("\ud800", "\ufffd"),
    ],
)
def test_folds(written: str, folded: str) -> None:
    assert normalise(written).folded == folded


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        # Words of their own, whatever a letter of them looks like.
        ("полномочия", "полномочия"),
        ("Личное мнение", "личное мнение"),
        ("Лікар і йод", "лікар i иод"),
        ("ЁЛКА, ёлка", "елка, елка"),
        ("ΉΘΟΣ ήθος", "ηθοσ ηθοσ"),
        ("սոված", "սոված"),
        ("йогу́рт л​ук", "иогурт лук"),
        # Of look-alikes alone, or mixed with Latin letters: they pose.
        ("сосо", "coco"),
        ("раncakе", "pancake"),
        ("гооgle", "roogle"),
        ("coοkιε", "cookie"),
        ("а личное b", "a личное b"),
    ],
)
def test_another_alphabet_is_read_as_latin_only_where_it_poses(written: str, folded: str) -> None:
    normal = normalise(written)
    assert normal.folded == folded
    spans = [normal.span(at, at + 1) for at in range(len(folded))]
    assert spans == sorted(spans)
    assert (spans[0][0], spans[-1][1]) == (0, len(written))


def test_spans_lead_back_to_what_was_written() -> None:
    normal = normalise("a\u200bﬁ\u0301x")
    assert normal.folded == "afix"
    assert [normal.span(i, i + 1) for i in range(4)] == [(0, 1), (2, 3), (2, 3), (4, 5)]


def test_composed_syllables_span_their_jamo() -> None:
    normal = normalise("x\u1112\u1161\u11aby")
    assert normal.folded == "x한y"
    assert normal.span(1, 2) == (1, 4)


@given(st.text(alphabet=st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)))
def test_decomposed_hangul_reads_as_composed(text: str) -> None:
    assert normalise(unicodedata.normalize("NFD", text)).folded == text


@given(st.text())
def test_every_folded_character_has_its_place(text: str) -> None:
    normal = normalise(text)
    places = [normal.span(i, i + 1) for i in range(len(normal.folded))]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)


def test_a_text_that_folding_would_blow_up_is_read_by_first_letters() -> None:
    written = "a ﬁne ½ " * 3 + "½" * 500 + "⒡⒰⒞⒦" + "\u1109\u1175"
    normal = normalise(written)
    assert len(normal.folded) == len(written) - 1
    assert normal.folded.startswith("a fne 1 a")
    assert normal.folded.endswith("fuck시")
    assert normal.span(len(normal.folded) - 5, len(normal.folded) - 4) == (524, 525)
    assert normal.span(len(normal.folded) - 1, len(normal.folded)) == (528, 530)
    assert len(normalise("ﬁ" * 300).folded) == 600


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        # The voice of a kana is no accent.
        ("ばか アルパカ", "ばか アルパカ"),
        ("ﾊﾞｶ ﾊﾟﾝﾀﾞ", "バカ パンダ"),
        ("か\u3099あ\u3099", "があ"),
        # Traditional letters are read as the simplified ones.
        ("媽媽 馬", "妈妈 马"),
    ],
)
def test_japanese_and_chinese_letters_are_one_form_each(written: str, folded: str) -> None:
    assert normalise(written).folded == folded


def test_half_width_kana_lead_back_to_all_that_was_written() -> None:
    normal = normalise("あのﾊﾞｶ!")
    assert normal.span(2, 4) == (2, 5)
    assert normal.span(4, 5) == (5, 6)


def test_accents_are_the_same_for_a_text_and_for_a_few_of_its_letters() -> None:
    texts = [text for _, text in hard_texts.texts(mixtures=20)]
    texts += [
        "LỚN các Đi",
        "lo\u031b\u0301n ca\u0301c",
        "Göt, GÖT und go\u0308t",
        "İstanbul'da Iğdır",
        "ß",
    ]
    for text in texts:
        normal = normalise(text)
        accented = "".join(map(normal._character, range(len(normal.folded))))
        short = [(at, min(at + 5, len(normal.folded))) for at in range(0, len(normal.folded), 7)]
        plain = [normal.is_unaccented(start, end) for start, end in short]
        if not normal.written_plainly:
            assert normal.accented == accented
        assert plain == [accented[start:end] == normal.folded[start:end] for start, end in short]
        assert plain == [normal.is_unaccented(start, end) for start, end in short]
