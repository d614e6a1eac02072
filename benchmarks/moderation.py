"""What judging costs on one core: messages a second, time to load, memory, and the worst texts.

The messages are made up from everyday English and Korean. BENCH_TEXTS may name a file with a text
a line to use instead.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bus.moderation import Policy
from tests.support import hard_texts

ROUNDS = 7
MESSAGES = 8_000
TOGETHER = 50
LOAD = """
import time
began = time.perf_counter()
from bus.moderation import POLICIES, judge
judge("warm up, 준비", POLICIES["standard"])
took = time.perf_counter() - began
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(took, int(status["VmRSS"].split()[0]) / 1024)
"""
ENGLISH = """
anyone up for a quick game tonight? | the build is green again, thanks | I pushed the fix to main
have you tried turning it off and on? | see the docs, section 2.2, it is all there | lol same here
my sound does not work after the update, which driver do I need? | good morning everyone
we meet at 9, room 4 | that was a great match, well played all | can you send me the file please
I think it was hit by the cache, not by the proxy | ok | brb, coffee | what time is it over there?
""".replace("\n", " | ")
KOREAN = """
오늘 저녁에 한 판 하실 분? | 빌드 다시 통과했어요 감사합니다 | 다시 발견한 버그는 내일 고칠게요
업데이트하고 나서 소리가 안 나와요 ㅠㅠ | 9시 발 기차 타고 가는 중 | ㅋㅋㅋㅋ
파일 좀 보내 주실 수 있나요? | 수고하셨습니다! | 회의는 4번 방에서 해요 | 점심 뭐 먹지 | ㅇㅋ
""".replace("\n", " | ")


def messages() -> list[str]:
    """What people would write, in both languages, in no order."""
    chance = random.Random(1)
    if given := os.environ.get("BENCH_TEXTS"):
        lines = Path(given).read_text(encoding="utf-8").splitlines()
    else:
        lines = [text.strip() for text in (ENGLISH + KOREAN).split("|") if text.strip()]
    return [chance.choice(lines) for _ in range(MESSAGES)]


def loading() -> tuple[float, float]:
    """Seconds to import and compile the lists in a new process, and the MiB of that process.

    Python finds its modules compiled, as it does after the first start.
    """
    with tempfile.TemporaryDirectory() as compiled:
        surroundings = os.environ | {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        command = [sys.executable, "-c", LOAD]
        answers = [
            tuple(map(float, subprocess.check_output(command, env=surroundings).split()))
            for _ in range(6)
        ]
    took, memory = zip(*answers[1:], strict=True)
    return statistics.median(took), statistics.median(memory)


def main() -> None:
    """Print each figure on a line of its own."""
    from bus.moderation import POLICIES, judge

    def rate(policy: Policy, texts: list[str]) -> float:
        began = time.process_time()
        for text in texts:
            judge(text, policy)
        return len(texts) / (time.process_time() - began)

    texts = messages()
    standard = POLICIES["standard"]
    for name, policy in (("rules", replace(standard, model=None)), ("with the model", standard)):
        rates = [rate(policy, texts) for _ in range(ROUNDS)]
        print(f"moderation: {name:14} {statistics.median(rates):9,.0f} messages/s, one at a time")
    rates = [_together(standard, texts) for _ in range(ROUNDS)]
    each = f"{TOGETHER} at a time, as workers do"
    print(f"moderation: {'with the model':14} {statistics.median(rates):9,.0f} messages/s, {each}")
    took = []
    for text in texts:
        began = time.process_time()
        judge(text, standard)
        took.append(time.process_time() - began)
    print(f"moderation: p99 {statistics.quantiles(took, n=100)[98] * 1000:.3f} ms with the model")
    seconds, memory = loading()
    print(f"moderation: loads in {seconds:.3f} s, in a process of {memory:.0f} MiB")
    worst = max(_slowest(name, text) for name, text in hard_texts.texts(mixtures=100))
    print(f"moderation: worst of {hard_texts.LENGTH:,} characters {worst[0]:.2f} ms ({worst[1]})")


def _together(policy: Policy, texts: list[str]) -> float:
    """Messages a second when some are judged at once."""
    from bus.moderation import JudgeRequest, judge_many

    began = time.process_time()
    for start in range(0, len(texts), TOGETHER):
        judge_many([JudgeRequest(text, policy) for text in texts[start : start + TOGETHER]])
    return len(texts) / (time.process_time() - began)


def _slowest(name: str, text: str) -> tuple[float, str]:
    """The milliseconds that a text takes, without the pauses of the machine."""
    from bus.moderation import POLICIES, judge

    took = []
    for _ in range(3):
        began = time.process_time()
        judge(text, POLICIES["standard"])
        took.append(time.process_time() - began)
    return min(took) * 1000, name


if __name__ == "__main__":
    main()
