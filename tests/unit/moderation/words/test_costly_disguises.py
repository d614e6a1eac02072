"""Signs, brackets, mark-up and names that look like disguises pass; those that are ones do not."""

from dataclasses import replace

import pytest

from bus.moderation import POLICIES, judge
from bus.moderation.text.normalise import normalise
from bus.moderation.text.rendered import as_rendered

INNOCENT = [
    "pick 4 carries",
    "I pick 4 carries every time",
    "they pick 5 supports",
    "nick 2 cookies from the jar",
    "(well",
    "(well, maybe)",
    "he said (well that was fun)",
    "that (when it rains) is bad",
    "f(u, k)",
    "g(u, c, k)",
    "f(u,n)",
    "let f(u, k) = u + k",
    "a(s, s)",
    "Pizza. Yours?",
    "My favourite is pizza. Yours?",
    "Hello. Lots of people here",
    "Bus. Tedious ride",
    "Dick: hello there",
    "dick: how was lunch",
    "dick, are you there?",
    "coon: thanks for the patch",
    "coon, ping",
    "Fanny, can you review this?",
    "pussycat: hi",
    "cockroach: try again",
    "Dick_: try sudo apt update",
    "d*ck hunting season",
    "d*ck soup for dinner",
    "we saw a d*ck on the pond",
    "a rubber d*ck in the bath",
    "d*ck typing in python",
    "du*k",
    "for (int i = 0; i < n; i++) sum += a[i];",
    "if (f(x) && !g(x)) return ck;",
    'printf("%s\\n", buf); // as is',
    "memcpy(dst, src, sizeof(*dst));",
    "chmod 755 *.sh && ./run.sh",
    "ls -la | grep -v ssh | wc -l",
    "git push --set-upstream origin fix-it",
    "0x5h17 0xdeadbeef 0xb16b00b5",
    "2026-11-28 14:02:11 [warn] f00d: id=5hf7 c0ck=0",
    "kernel: usb 1-1: new high-speed device a55",
    "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "uuid 4f5c0ck1-a55e-4b1t-c4e5-123456789abc",
    "error: as.s:12: bad register",
    "x = a$$b + c",
    "SELECT * FROM cocktails WHERE id IN (1, 2)",
    "y = k * s * h + i",
    "<b>Hello</b> <i>world</i>",
    "AT&amp;T and Marks &amp; Spencer",
    "5 &lt; 6 &gt; 3",
    "a |_| b |_| c",
    "| a | b |",
    "|_____|_____|",
    "\\_/ |_| /_\\",
    "I ate an 🍆 for dinner",
    "sh 🍕 time",
    "🍑 pie is great",
    "f🙂r you",
    "l❤️ve you",
    "h🎃ppy halloween",
    "c🍪kies",
    "Привет, как дела?",
    "факт есть факт",
    "факс не работает",
    "шитьё и вязание",
    "биток вырос",
    "кант был философом",
    "дик хочет гулять",
    "бич божий — роман",
    "фактура ткани",
    "(un)likely and (re)start",
    "colou(r) and favo(u)rite",
    "s(he) said",
    "f(ull) screen",
    "as(s)ume",
    "but(t)",
    "Bich Ngoc",
    "Nguyen Bich Ngoc joined",
    "Bích Ngọc is my sister",
    "Le Thi Bich Tram",
    "Shittu",
    "Justina Shittu writes",
    "Mr Shittu",
    "Twatt, Orkney",
    "The village of Twatt is on Orkney",
    "Twatt in Shetland",
    "Maine Coon",
    "our Maine coon is huge",
    "two Maine Coons",
    "maine coon kittens",
    "Ass. Prof.",
    "Ass. Prof. Kim will lecture",
    "Ass. Prof. Dr. Maria Lopez",
    "Prof. and Ass. Prof. positions",
    "Phuc Nguyen",
    "Phuc Dat Bich",
    "Cockburn Street",
    "Dick Whittington",
    "Wang Shi Ting",
    "Fuk Man Road",
    "Kuntz family",
    "Dong Phuong",
    "Gaylord Focker hotel",
    "Penistone",
    "Scunthorpe United",
    "Clitheroe",
    "Assaf Cohen",
    "Hancock",
    "Raj Dikshit",
    "Hooker Valley",
    "Sakshi Tandon",
]
DISGUISED = [
    "fu<b></b>ck you",
    "fu<i>c</i>k",
    "<b>f</b>uck off",
    "f<span>uck</span> you",
    "sh<br>it happens to you",
    "f&#117;ck you",
    "f&#x75;ck",
    "fu&shy;ck",
    "fu&zwnj;ck",
    "sh&#105;t",
    "f&uuml;ck",
    "b&iacute;tch",
    "f|_|ck you",
    "f|_|ck",
    "c|_|nt",
    "f\\_/ck you",
    "s|-|it",
    "b!tch",
    "f🍆ck",
    "f🖕ck",
    "f🌚ck you",
    "sh💩t",
    "sh😀t",
    "b🔥tch",
    "c😈nt",
    "фак ю",
    "фак",
    "факю",
    "сука блять",
    "бич ю",
    "фак офф",
    "ю бич",
    "фак юр мазер",
    "мазафака",
    "мазафакер",
    "асшол",
    "f(u)ck",
    "f(u)ck you",
    "sh(i)t",
    "b(i)tch",
    "f[u]ck",
    "f{u}ck",
    "(f)uck",
    "c(u)nt",
    "fu(c)k",
    "n(i)gger",
    "shut up, d*ck",
    "you d*ck",
    "(unt",
]


@pytest.mark.parametrize("policy", ["relaxed", "standard", "strict"])
@pytest.mark.parametrize("text", INNOCENT)
def test_it_passes(text: str, policy: str) -> None:
    verdict = judge(text, POLICIES[policy])
    assert (verdict.action, verdict.hits) == ("allow", ())


@pytest.mark.parametrize("text", DISGUISED)
def test_a_disguise_is_found_by_the_rules(text: str) -> None:
    verdict = judge(text, replace(POLICIES["standard"], model=None))
    assert verdict.action in ("mask", "reject")
    for hit in verdict.hits:
        assert text[hit.start : hit.end] == hit.matched


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("well, sh<b></b>it", "sh<b></b>it"),
        ("oh f&#117;c&#107; no", "f&#117;c&#107;"),
        ("so f|_|ck that", "f|_|ck"),
        ("what a b(i)tch", "b(i)tch"),
        ("c😈nt!", "c😈nt"),
    ],
)
def test_all_of_what_was_written_is_starred(text: str, matched: str) -> None:
    verdict = judge(text, POLICIES["relaxed"])
    assert matched in [hit.matched for hit in verdict.hits]
    assert len(verdict.masked) == len(text)


def test_a_text_is_read_anew_only_where_something_is_put_into_a_word() -> None:
    for text in ("a < b && c", "f(x) and [i]", "😀 hello", "1 | 2 | 3", "plain"):
        assert as_rendered(normalise(text)) is None
    rendered = as_rendered(normalise("lo<i>v</i>ely &amp; n&iacute;ce"))
    assert rendered is not None
    assert rendered.folded == "lovely &amp; nice"
    start = rendered.folded.index("nice")
    assert rendered.raw[slice(*rendered.span(start, start + 4))] == "n&iacute;ce"
