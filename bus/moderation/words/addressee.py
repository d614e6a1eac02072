"""Whether a mild insult is meant for somebody: `you are stupid`, not `a stupid question`."""

import re
from typing import Final

from bus.moderation.words.terms import Term

# Characters before the insult in which somebody may be spoken to.
_REACH: Final = 60
_FILLER: Final = (
    r"(?:so|such|a|an|the|very|r|are|just|all|too|pretty|fucking|fuckin|freaking|damn|total"
    r"|complete|absolute|utter|kinda|still|and|most|more|bunch of|bit of|little|big|old|fat"
    r"|stupid|dumb|lazy|bloody|always|being|also|even|one|piece of|real|nothing"
    r"|but|bit|quite|fckn|my|is|some|kind of|sort of|\w+ly|useless|worthless|pathetic|boring|lousy"
    r"|annoying|horrible|filthy|dirty|sad|computer)"
)
_YOU: Final = (
    r"(?:you(?:['’]?re| are| r| were| look| looks| sound| seem| must be| is| guys(?: are)?"
    r"| people(?: are)?| all(?: are)?)?|u(?: r| are| is)?|ur|yr|youre|y['’]?all(?: are)?"
    r"|ya(?:['’]?re| are)?|your|yo|thou|team|yoyr|youare|yuo|because you|such an?|what an?)"
)
_SPOKEN_TO: Final = re.compile(rf"(?:\A|[^a-z]){_YOU} (?:{_FILLER} )*(?:{_FILLER}-)?\Z").search
_MYSELF: Final = re.compile(
    r"(?:\A|[^a-z])(?:i|i['’]?m|im|i am|i was|i feel|me|my|myself|am i|we|we['’]?re|was|were|feel"
    r"|feeling|sound|seem|like|as|for|not)(?: [a-z']+){0,3} ?\Z"
).search
_I_AM: Final = re.compile(
    r"(?:\A|[^a-z])(?:i['’]?m|i am|i was|am i|i feel|i felt)"
    r"(?: (?:a|an|the|so|just|too|such|\w+ly)){0,3} ?\Z"
).search
# What is scolded, and who may be.
_SCOLDED: Final = re.compile(r"\A(?:stupid|dumb|lame) ([a-z]+)\W*\Z").match
_SOMEBODY: Final = re.compile(
    r"(?:\w*(?:bot|kid|cow|cunt|bitch|noob|fag|ass|head|ped)"
    r"|team|mid|jungle|jungler|adc|carry|supp|healer|offlaner|laner|teammate|people|guy|man|woman|boy|girl|human|machine|ai|player|user|driver|admin|mod|child|bird|pig"
    r"|dog|animal|moron|idiot|loser|liberal|leftist|democrat|republican|american|immigrant)e?s?\Z"
).match
# Somebody speaks of themselves or of a thing, or asks; or these are no words.
_NO_TAUNT: Final = re.compile(
    r"(?:\A|[^a-z])(?:i|i['’]?m|im|am|me|my|it|its|it['’]s|this|that|thats|here|question|newbie|new"
    r"|not|never|isn['’]?t|aren['’]?t)(?![a-z])|[?_:#0-9/.*\\]|\A!"
).search
# Whoever plays in this place, as they are called in games, where nothing but that is said.
_PLACE: Final = re.compile(
    r" (?:team|mid|midlaner|jungler?|jg|adc|carry|supp|healer|offlaner?|laner|teammate)s?"
    r"(?: (?:pls|plz|wtf|lol|lmao|gg|again|ever|noob|report|ffs|omg))*[.!,]*\Z"
).match
_CALLS: Final = re.compile(
    r"\A(?:(?:this|omg|wtf|lol|gg|ffs|report|such|what a|fucking|a) )*\Z"
).match
# Words that are said of a place in a game for nothing but to insult who plays there.
_CALLED: Final = re.compile(
    r"(?:dog|dogs|animal|animals|monkey|monkeys|cancer|clown|clowns|donkey|donkeys|noob|noobs"
    r"|trash|potato|potatoes|pig|pigs|rat|rats)\Z"
).match
_SHORT: Final = 3
# Characters of a message of a few words.
_SHORT_TEXT: Final = 30

_KOREAN_YOU: Final = re.compile(
    r"(?:\A|[^가-힣])(?:너|넌|널|니|니가|네가|너네|너네들|니네|니네들|너희|너희들|니들|너도|너는|당신|당신들"
    r"|느그|이런|저런|니놈|네놈)(?:은|는|도|이|가|들|들은|들이)?"
    r"(?: ?(?:진짜|완전|개|정말|그냥|좀|왜케|왜|참|ㄹㅇ|레알|존나|졸라|걍|하는|다))*[ ,~]*\Z"
).search
_KOREAN_CALL: Final = re.compile(
    r"(?:들아|새끼|새키|같은 ?[놈년것새너니]|년|놈|들 ?ㅉ|들ㅋ|들 ?ㅋ| ?ㅉㅉ)"
).match


def is_addressed(term: Term, text: str, start: int, end: int) -> bool:
    """Whether the term is said to whom its addressing asks."""
    if term.addressing == "called":
        # In chats without threads a name and a colon say who is answered.
        answers = not start and text.startswith(": ", end)
        return not answers and not of_oneself(text, start)
    if aimed(text, start, end):
        return True
    return term.addressing == "taunt" and all_that_is_said(text)


def aimed(folded: str, start: int, end: int) -> bool:
    """Whether the insult at these places is said to somebody."""
    before = folded[max(0, start - _REACH) : start]
    if not folded[start].isascii():
        return bool(_KOREAN_CALL(folded, end) or _KOREAN_YOU(before))
    return _SPOKEN_TO(before) is not None or _plays(folded, start, end)


def _plays(folded: str, start: int, end: int) -> bool:
    """Whether all that is said is what somebody is who plays in a place: `dog mid`."""
    if not _PLACE(folded, end):
        return False
    return _CALLED(folded, start, end) is not None and _CALLS(folded[:start]) is not None


def all_that_is_said(folded: str) -> bool:
    """Whether a message is no more than a few words around an insult, and nothing softens it."""
    if len(folded) > _SHORT_TEXT or len(folded.split()) > _SHORT:
        return False
    return not _NO_TAUNT(folded) and not scolds_a_thing(folded)


def scolds_a_thing(folded: str) -> bool:
    """Whether all that is said is `stupid` and what is so: a printer, and not a driver."""
    scolded = _SCOLDED(folded)
    return scolded is not None and not _SOMEBODY(scolded[1])


def said_of_oneself(folded: str, start: int) -> bool:
    """Whether somebody says outright that they are so."""
    return _I_AM(folded[max(0, start - _REACH) : start]) is not None


def of_oneself(folded: str, start: int) -> bool:
    """Whether somebody calls themselves so."""
    return _MYSELF(folded[max(0, start - _REACH) : start]) is not None
