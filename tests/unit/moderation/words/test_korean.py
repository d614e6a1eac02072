"""Korean under jamo, initials, insertions, keyboards, romanisation; and innocent look-alikes."""

import unicodedata
from dataclasses import replace

import pytest

from bus.moderation import POLICIES, judge

# The rules alone: what the model makes of a text changes with its weights.
STANDARD = replace(POLICIES["standard"], model=None)


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("시발 또 졌네", "text"),
        ("씨발 팀운", "text"),
        ("ㅅㅣㅂㅏㄹ", "jamo"),
        ("ㅆㅣ발", "jamo"),
        ("ㅆl발", "jamo"),
        ("ㄱㅐㅅㅐㄲㅣ야", "jamo"),
        ("ㅅㅂ 뭐냐", "initials"),
        ("ㅂㅅㅋㅋㅋ", "initials"),
        ("시1발 진짜", "collapsed"),
        ("병.신", "collapsed"),
        ("개-새-끼", "collapsed"),
        ("시 발", "collapsed"),
        ("씨ㅋㅋ발", "collapsed"),
        ("ㅅ.ㅂ", "collapsed"),
        ("tlqkf 서버", "keyboard"),
        ("qudtls", "keyboard"),
        ("sibal lag", "text"),
        ("ssibal", "text"),
        ("느금마", "text"),
        ("씹알 또", "text"),
        ("병shin", "text"),
        ("미친ㄴ", "text"),
        ("쌰앙", "text"),
        ("ㅄ", "initials"),
        ("이 씨발놈아", "text"),
        ("야이 씨팔", "text"),
        ("씨발열받네 진짜", "text"),
        ("씨발신고할거야", "text"),
        ("시발전화하지마", "text"),
        ("너 병신임", "text"),
        ("쟤 병신년 진짜", "text"),
        ("이병신아", "text"),
        ("ㅅㅂㅅㅂ", "initials"),
        ("ㅂㅅㅈㄴㅋㅋ", "initials"),
        ("시~~~~~~~발", "collapsed"),
        ("병ㅗ신ㅗ", "collapsed"),
        ("너꺼져", "text"),
        ("꺼져버려 제발", "text"),
        ("진짜또라이", "text"),
        ("병X 같은 게", "text"),
        ("미친X아", "text"),
        ("시bal 서버", "text"),
    ],
)
def test_swearing_is_rejected_in_the_view_where_it_shows(text: str, view: str) -> None:
    verdict = judge(text, STANDARD)
    assert verdict.action == "reject"
    assert view in {hit.disguise for hit in verdict.hits}


def test_decomposed_text_is_the_same_text() -> None:
    text = unicodedata.normalize("NFD", "너 병신이냐")
    verdict = judge(text, STANDARD)
    assert verdict.action == "reject"
    assert unicodedata.normalize("NFC", verdict.hits[0].matched) == "병신"
    assert len(verdict.masked) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "다시 발견했어요",
        "출시 발표는 내일",
        "여기가 시발점이야",
        "9시 발 기차 타자",
        "시발역에서 만나",
        "다음 도시 발전소로",
        "역시발전이 빠르네",
        "솜씨 발휘 좀 해봐",
        "질병 신고는 여기로",
        "장병 신체검사",
        "새끼손가락 걸고",
        "고양이 새끼 봤어?",
        "참새 끼니 챙겨",
        "자지 말고 와",
        "얼굴 보지 못했네",
        "걸레질 좀 해",
        "좇아가서 인사했다",
        "껌을 씹다 말았다",
        "오징어를 씹었어요",
        "이 엿 먹어봐",
        "시바 입양 후기",
        "개같이 벌어 정승같이 쓰자",
        "병신과 머저리는 소설 제목",
        "ㅄ은 겹받침이야",
        "전염병 뉴스",
        "18세기 그림",
        "ㅋㅋㅋㅋ ㅠㅠ",
        "ㅇㅋ ㄱㄱ ㄷㄷ ㅈㅅ",
        "끈을 졸라매고",
        "촛불이 꺼져 있다",
        "글씨발견 놀이",
        "김 씨발언 논란",
        "3시발차 버스",
        "화면이 갑자기 꺼져",
        "게임이 꺼져버렸어",
        "마감이 닥쳐야 시작하지",
        "목을 따뜻하게 해",
        "인터넷을 뒤져라",
        "그새 끼니 거름?",
        "이 새끼 강아지 귀여워",
        "펭귄 새끼가 귀여워",
        "포도 따먹자",
        "불알 친구랑 한잔",
        "시xbox 컨트롤러",
    ],
)
def test_innocent_korean_passes(text: str) -> None:
    assert judge(text, STANDARD).action == "allow"


def test_harassment_has_its_own_reason() -> None:
    assert judge("나가 죽어", STANDARD).reason == "harassment"
