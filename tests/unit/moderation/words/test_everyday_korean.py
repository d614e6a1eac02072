"""Everyday Korean that looks like abuse passes every policy, and disguises of abuse do not."""

import pytest

from bus.moderation import POLICIES, judge

TURNED_OFF = """
불 꺼줘
거실 불 좀 꺼줘
마이크 꺼줘요
카메라 꺼줘 누나
노래 소리가 너무 커 꺼줘
에어컨이 자꾸 꺼져
보일러가 또 꺼져서 추웠어
핸드폰이 5분마다 꺼져
알람은 10분 뒤에 꺼져
방송이 갑자기 꺼져버렸어요
무드등 자동으로 꺼져?
이어폰 한쪽만 꺼져요
빨리 화면 좀 꺼줘요
"""
NUMBERS_AND_YEARS = """
이천십팔년에 입학했어요
팔십팔년 서울 올림픽 기억나?
삼십팔년 동안 같은 동네에 살았다
천구백사십팔년 정부 수립
십팔년 만에 고향에 갔다
여기서 십팔년째 장사해요
병신년
병신년!
병신년은 육십 년마다 돌아온다
다가오는 병신년 새해 복 많이 받으세요
할아버지는 병신년 삼월에 태어나셨다
경제 개발 오개년 계획
이년제 대학에 다녀요
이년이나 기다렸어
계약은 이년마다 다시 해
십세 이하 어린이는 무료
"""
TRAINS_AND_PLACES = """
시발이 서울역이라 앉아서 가요
이 버스는 시발이 어디예요?
시발은 수원역이고 종착은 서울역
부산역 시발 무궁화호
시발 정류장에서 타면 자리 있어
달창저수지에 낚시하러 가자
한강가까지 걸었다
주말에 한강 가서 뛰었어
한강이나 가자
"""
PARTS_OF_WORDS = """
화염병 진압 훈련 기사 봤어?
시위에서 화염병을 던졌다는 뉴스
독감 같은 전염병이 돈다
정보빨리 공유해 주세요
주문빨리 받아 주세요
창문빠짐 없이 다 닫았지?
튀기새우로 저녁 먹자
홍어새우젓 무침
군대에서 훈련병신상 정보를 적었다
"""
BEASTS = """
늑대 새끼가 세 마리 태어났대
새끼 사슴이 길을 건넜어
어미가 새끼를 품고 있어
오리 새끼 여덟 마리
새끼를 꼬아 만든 줄
옆집 개소리에 깼어
"""
LIVES = """
부상에서 재기해 우승했다
실패를 딛고 재기해 돌아왔어요
평생을 교육 운동에 투신해 온 분
너무 점수에 목매달지 말자
좋아하는 배우를 찾아가서 팬미팅에 갔다
아픈 친구를 찾아가 죽을 끓여 줬어
정사와 야사는 서로 다르다
이 엿 정말 맛있는데 엿먹고 싶은 사람?
"""
SINGLE_WORDS = """
제발
제발!
제발 ㅠㅠ
족발
청년
노년
갈비
소녀시대
쓰레기통
국립중앙박물관
미친
삼겹살
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize("policy", ["relaxed", "standard", "strict"])
@pytest.mark.parametrize(
    "text",
    lines(TURNED_OFF)
    + lines(NUMBERS_AND_YEARS)
    + lines(TRAINS_AND_PLACES)
    + lines(PARTS_OF_WORDS)
    + lines(BEASTS)
    + lines(LIVES)
    + lines(SINGLE_WORDS),
)
def test_it_passes(text: str, policy: str) -> None:
    verdict = judge(text, POLICIES[policy])
    assert (verdict.action, verdict.hits) == ("allow", ())


@pytest.mark.parametrize(
    "text",
    [
        "쉬뱔 또 졌네",
        "쒸뱔",
        "쓔발 뭐냐",
        "씌뱔놈아",
        "쮜랄하지 마",
        "지랼하네",
        "뱡신이냐",
        "뼝신아",
        "뮈친놈아",
        "병어어신이이",
        "병어신아",
        "시이이이발",
        "느으으금마",
        "지이이랄하고 있네",
        "개애새애끼",
        "미이친놈",
        "능금망 뭐하냐",
        "능금마",
        "늠금망",
        "늉금마",
        "십팔년아",
        "저 병신년이",
        "병신년 진짜",
        "이런 염병",
        "너 좀 꺼져",
        "찐따야 꺼져라",
        "재기해라 그냥",
        "시발 역겨워",
    ],
)
def test_its_disguises_are_refused(text: str) -> None:
    assert judge(text, POLICIES["standard"]).action == "reject"


def test_a_sentence_without_spaces_is_no_single_word() -> None:
    assert judge("쓰레기같은인간들다나가주세요제발", POLICIES["strict"]).action != "allow"
