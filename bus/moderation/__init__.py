"""Moderation as one pure function: judge(text, policy, context) -> Verdict."""

from .context import Context
from .engine import judge
from .policy import POLICIES, Ladder, Policy
from .verdict import Action, Hit, Verdict

__all__ = ["POLICIES", "Action", "Context", "Hit", "Ladder", "Policy", "Verdict", "judge"]
