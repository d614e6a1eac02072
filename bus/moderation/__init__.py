"""Moderation as one pure function: judge(text, policy, context) -> Verdict."""

from .context import Context
from .engine import Case, judge, judge_many, starred
from .gist import gist
from .ladder import Ladder, Thresholds
from .lookalike import lookalike
from .policies import POLICIES
from .policy import Policy
from .verdict import Action, Hit, Verdict

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
