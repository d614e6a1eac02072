"""Names of people and rooms are judged, too."""

import pytest

from bus.chat import name_policy
from bus.protocol.errors import Invalid


@pytest.mark.parametrize(
    "name",
    [
        *(
            "mina",
            "김철수",
            "lobby",
            "Scunthorpe_united",
            "JOHN",
            "sniggers",
            "GrapeHero",
            "보지마",
        ),
        *("Dick", "Phuc_Nguyen", "Enrique_Kike", "Van_Dyke", "시바", "Nazir", "Ashkenazi", "R2D2"),
        *("JapanFan", "McDonald", "class1", "Fire-Retardant", "raccoon7", "Hancock", "Essex2026"),
    ],
)
def test_names_that_anyone_may_read(name: str) -> None:
    refused = ""
    try:
        name_policy.check(name)
    except Invalid as error:
        refused = error.text
    assert refused == ""


@pytest.mark.parametrize(
    "name",
    [
        *("fuck_you", "sh1t", "씨발", "f.u.c.k", "Fuck", "big_ass", "섹스", "fu_ck", "Dirty_Kike"),
        *("BigNigger", "xxniggerxx", "killalljews", "killyourself", "KillYourself", "iamacunt"),
        *("rapeher", "slut4u", "Naziboy", "HitlerFan", "RapeKing", "보지", "보지99", "BigDick"),
    ],
)
def test_names_that_nobody_should_have_to_read(name: str) -> None:
    with pytest.raises(Invalid):
        name_policy.check(name)
