"""Moderation as one pure function: judge(text, policy, context) -> Verdict."""

from bus.moderation.context import Context
from bus.moderation.engine import JudgeRequest, judge, judge_many, redacted, starred
from bus.moderation.policy.policy import Policy
from bus.moderation.policy.presets import POLICIES
from bus.moderation.policy.thresholds import ActionThresholds, ModelThresholds
from bus.moderation.text.fingerprint import fingerprint
from bus.moderation.text.lookalike import lookalike
from bus.moderation.verdict import Action, Hit, Verdict

__all__ = [
    "POLICIES",
    "Action",
    "ActionThresholds",
    "Context",
    "Hit",
    "JudgeRequest",
    "ModelThresholds",
    "Policy",
    "Verdict",
    "fingerprint",
    "judge",
    "judge_many",
    "lookalike",
    "redacted",
    "starred",
]
