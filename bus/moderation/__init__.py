"""Moderation as one pure function: judge(text, policy, context) -> Verdict."""

from bus.moderation.context import Context
from bus.moderation.engine import Case, judge, judge_many, starred
from bus.moderation.policy.policy import Policy
from bus.moderation.policy.presets import POLICIES
from bus.moderation.policy.thresholds import Ladder, Thresholds
from bus.moderation.text.fingerprint import gist
from bus.moderation.text.lookalike import lookalike
from bus.moderation.verdict import Action, Hit, Verdict

__all__ = [
    "POLICIES",
    "Action",
    "Case",
    "Context",
    "Hit",
    "Ladder",
    "Policy",
    "Thresholds",
    "Verdict",
    "gist",
    "judge",
    "judge_many",
    "lookalike",
    "starred",
]
