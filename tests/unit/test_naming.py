"""Names of people and rooms are judged, too."""

import pytest

from bus.errors import Invalid
from bus.services import naming


@pytest.mark.parametrize("name", ["mina", "김철수", "lobby", "Scunthorpe_united", "JOHN"])
def test_names_that_anyone_may_read(name: str) -> None:
    naming.check(name)


@pytest.mark.parametrize("name", ["fuck_you", "sh1t", "씨발", "f.u.c.k", "Fuck", "big_ass", "섹스"])
def test_names_that_nobody_should_have_to_read(name: str) -> None:
    with pytest.raises(Invalid):
        naming.check(name)
