"""Personal data and secrets: what is found as which kind, and what only looks like it."""

import pytest

from bus.moderation import POLICIES, Policy, judge
from bus.moderation.personal.kinds import KINDS

ALL = Policy.from_parts(POLICIES["off"], {"personal": dict.fromkeys(KINDS, "mask")})


def kinds(text: str) -> list[str]:
    return [hit.category for hit in judge(text, ALL).hits if hit.rule == "personal"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phone", "call me at +1 415-555-2671 tonight"),
        ("phone", "my number is 010-1234-5678"),
        ("phone", "전화는 01012345678로 주세요"),
        ("phone", "연락처 010.9876.5432 입니다"),
        ("phone", "text 07911 123456"),
        ("phone", "(415) 555-2671 ask for jo"),
        ("phone", "ring 020 7946 0958"),
        ("phone", "whatsapp +49 151 23456789"),
        ("phone", "공일공 일이삼사 오육칠팔"),
        ("phone", "０１０－１２３４－５６７８"),
        ("phone", "call 4155552671"),
        ("phone", "02-555-0199 로 전화"),
        ("phone", "06 12 34 56 78 appelle moi"),
        ("phone", "090-1234-5678 に電話して"),
        ("phone", "+82 10 1234 5678"),
        ("phone", "전화010-1234-5678번"),
        ("phone", "my cell: 415.555.2671"),
        ("phone", "(11) 91234-5678 me liga"),
        ("phone", "138 1234 5678"),
        ("phone", "0412 345 678"),
        ("email", "mail me: mina.kim+x@mail.example.com"),
        ("email", "mina@naver.com으로 보내줘"),
        ("email", "mina (at) gmail (dot) com"),
        ("email", "write to mina at gmail dot com"),
        ("email", "mina[at]naver.com"),
        ("email", "mina골뱅이naver.com"),
        ("address", "I live at 221B Baker Street"),
        ("address", "1600 Pennsylvania Ave NW, Washington, DC 20500"),
        ("address", "서울특별시 강남구 테헤란로 152, 3층"),
        ("address", "강남구 역삼동 737-12"),
        ("address", "래미안아파트 101동 1203호"),
        ("address", "wohne in der Hauptstraße 12, 10115 Berlin"),
        ("address", "12 rue de la Paix"),
        ("address", "Calle Mayor 12, 28013 Madrid"),
        ("address", "東京都渋谷区道玄坂2-10-7"),
        ("address", "北京市朝阳区建国路88号"),
        ("address", "i live at 12 oak street"),
        ("address", "45 Elm St Apt 4B, Springfield, IL 62704"),
        ("card", "4111 1111 1111 1111"),
        ("card", "my card 4111111111111111 exp 12/29"),
        ("card", "5555-5555-5555-4444"),
        ("card", "3782 822463 10005"),
        ("resident", "900101-1234568"),
        ("resident", "주민번호 9001011234567"),
        ("business", "사업자등록번호 134-86-72683"),
        ("business", "220-81-62517"),
        ("iban", "DE89 3704 0044 0532 0130 00 please"),
        ("iban", "GB82WEST12345698765432"),
        ("iban", "IBAN: FR14 2004 1010 0505 0001 3M02 606"),
        ("national_id", "ssn 536-22-1234"),
        ("national_id", "my dni is 12345678Z"),
        ("national_id", "RSSMRA85T10A562S"),
        ("national_id", "cpf 390.533.447-05"),
        ("national_id", "NI number AB123456C"),
        ("national_id", "aadhaar 2345 6789 1238"),
        ("national_id", "身份证 11010519491231002X"),
        ("national_id", "nhs number 943 476 5919"),
        ("national_id", "pesel 44051401359"),
        ("password", "my password is hunter2"),
        ("password", "password: Tr0ub4dor&3"),
        ("password", "비밀번호는 qwer1234 입니다"),
        ("password", "비번 mina0101!"),
        ("password", "the wifi password is sunflower"),
        ("password", "pw: abcd1234"),
        ("password", "mot de passe : azerty99"),
        ("password", "пароль: qwerty123"),
        ("password", "パスワードは abc12345"),
        ("password", "my pin is 4821"),
        ("password", "my password for steam is hunter2"),
        ("password", '"password": "s3cret!"'),
        ("api_key", "AKIAIO" + "SFODNN7EXAMPLE"),
        ("api_key", "ghp_ab" + "cdefghijklmnopqrstuvwxyz0123456789"),
        ("api_key", "xoxb-1" + "23456789012-abcdefghijkl"),
        ("api_key", "sk_liv" + "e_4eC39HqLyjWDarjtT1zdp7dc"),
        ("api_key", "AIzaSy" + "A1234567890abcdefghijklmnopqrstuv"),
        ("api_key", "sk-pro" + "j-abcdEFGH1234567890abcdEFGH"),
        ("api_key", "aws_se" + "cret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("api_key", "token " + "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"),
        ("api_key", "eyJhbG" + "ciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN"),
        ("api_key", "postgr" + "es://admin:s3cr3t@db.internal/app"),
        ("api_key", "api ke" + "y is abcd1234efgh5678ijkl"),
        (
            "private_key",
            "-----B" + "EGIN EC PRIVATE KEY----- MIIE -----END EC PRIVATE KEY-----",
        ),
    ],
)
def test_each_kind_is_found(kind: str, text: str) -> None:
    assert kinds(text) == [kind]


def test_every_kind_is_tried() -> None:
    (tried,) = (
        mark.args[1]
        for mark in test_each_kind_is_found.pytestmark  # type: ignore[attr-defined]
    )
    assert {kind for kind, _ in tried} == set(KINDS)


@pytest.mark.parametrize(
    "text",
    [
        "my order number is 4155552671",
        "주문번호 20261128-0101234",
        "we meet at 9, room 4, on 2026-11-28 13:56",
        "version 1.2.3.4 and 192.168.100.200",
        "it has 1,234,567,890 views",
        "서울역 4번 출구에서 2시에 봐",
        "강남대로 5번 출구",
        "종로 3가 가자",
        "I walked 5 miles down the road",
        "there are 3 ways to court",
        "@mina look at this",
        "git@github.com:org/repo.git",
        "password is required",
        "my password is not working",
        "forgot my password again",
        "비밀번호 까먹었어",
        "비번이 뭐예요?",
        "비번 4자리 알려줘",
        "the password is wrong",
        "please reset the password: it expired",
        "score 3-2, 10-0",
        "isbn 978-3-16-148410-0",
        "tracking 1Z999AA10123456784",
        "order 4111111111111112",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "uuid 550e8400-e29b-41d4-a716-446655440000",
        "meet me at starbucks dot dot dot",
        "https://google.com@free.example/login",
        "2026.11.28 - 2026.12.25",
        "1588-1234 고객센터",
        "pay 100000000원",
        "the 5th avenue shop",
        "12 o'clock drive safely",
        "24 hour place",
        "I have 3 Big Dogs in court",
        "room 101동 앞에서 봐",
        "10 000 000 people",
        "pi is 3.14159265358979",
        "id 1234567890123",
        "lat 37.566535, 126.977969",
        "discord id 123456789012345678",
        "my sk-learn model is good, sk-learn-something-else-here",
        "phone 13 pro costs 999",
        "iphone 15 128gb 010",
        "ticket 010-1234",
        "2 + 2 = 4, 10 - 5 = 5",
        "he was born in 1990-01-01",
        "구로 3번 출구",
        "서울로 7017 산책",
        "password manager recommendations?",
        "my password: same as always",
        "the password was leaked",
        "pw please",
        "비밀번호 8자 이상으로 하세요",
        "암호화 AES256",
    ],
)
def test_what_only_looks_like_it_passes(text: str) -> None:
    assert kinds(text) == []
