"""What another policy makes of judged messages: counts of what changes, and examples."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from bus.enforcement.open_review import rule_of
from bus.moderation import Verdict
from bus.moderation.verdict import WHOLE

# Shown of each kind of change; the newest stay, so that they are of all the history.
_EXAMPLES: Final = 10
# From this share of all messages on, something is probably not meant.
_SUSPICIOUS: Final = 0.2
_ENOUGH: Final = 20


@dataclass(slots=True)
class PolicyDiff:
    """Two policies over the same messages."""

    looked: int = 0
    # "allow>reject": how many messages.
    changes: Counter[str] = field(default_factory=Counter)
    # The rules behind what is stricter now, and behind what is milder.
    rules: Counter[str] = field(default_factory=Counter)
    # In how many the other policy finds what the present one does not, whatever comes of it.
    touched: int = 0
    # What matched in these and in what changed, lower case.
    matched: Counter[str] = field(default_factory=Counter)
    # Of each kind of change: {"id", "rule"}; the texts are read when they are shown.
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, id_: int, before: Verdict, after: Verdict, *, show: bool) -> None:
        """Count one message; it is an example only where its text may be shown."""
        self.looked += 1
        new = _found(after) - _found(before)
        self.touched += bool(new)
        if before.action == after.action:
            self._count(sorted({text for _, text, whole in new if not whole}))
            return
        change = f"{before.action}>{after.action}"
        self.changes[change] += 1
        verdict = after if after.score > before.score or not before.hits else before
        rule = rule_of(after) or rule_of(before)
        self.rules[rule] += 1
        self._count(sorted({hit.matched.lower()[:40] for hit in verdict.hits}))
        if show:
            kept = self.examples.setdefault(change, [])
            kept.append({"id": id_, "rule": rule})
            del kept[:-_EXAMPLES]

    def _count(self, matched: list[str]) -> None:
        if len(self.matched) < 10_000:
            self.matched.update(matched)

    @property
    def changed(self) -> int:
        """How many messages would have gone another way."""
        return self.changes.total()

    @property
    def warnings(self) -> list[str]:
        """What is probably not meant, such as a term that matches everything."""
        if self.looked < _ENOUGH:
            return []
        limit = self.looked * _SUSPICIOUS
        found = [
            f"{text!r} is found in {count} of {self.looked} messages"
            for text, count in self._frequent()
        ]
        if self.changed >= limit:
            share = 100 * self.changed / self.looked
            found.append(f"{share:.0f} % of all messages would go another way; is it meant so?")
        elif self.touched >= limit:
            share = 100 * self.touched / self.looked
            found.append(f"something new is found in {share:.0f} % of all messages")
        return found

    def forget_rare(self) -> None:
        """Let go of what matched in few messages: once all is counted, it only repeats them."""
        self.matched = Counter(dict(self._frequent()))

    def _frequent(self) -> list[tuple[str, int]]:
        # Of a few messages, one is many already.
        limit = max(self.looked, _ENOUGH) * _SUSPICIOUS
        return [(text, count) for text, count in self.matched.most_common(5) if count >= limit]

    def as_json(self) -> dict[str, Any]:
        """As it is stored between two steps."""
        return {
            "looked": self.looked,
            "touched": self.touched,
            "changes": dict(self.changes),
            "rules": dict(self.rules),
            "matched": dict(self.matched.most_common(200)),
            "examples": self.examples,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PolicyDiff:
        """As it was stored."""
        return cls(
            looked=data.get("looked", 0),
            touched=data.get("touched", 0),
            changes=Counter(data.get("changes", {})),
            rules=Counter(data.get("rules", {})),
            matched=Counter(data.get("matched", {})),
            examples=data.get("examples", {}),
        )


def _found(verdict: Verdict) -> set[tuple[str, str, bool]]:
    """The rule and what matched of each hit, and whether that is the message as such."""
    return {(hit.rule, hit.matched.lower()[:40], hit.disguise == WHOLE) for hit in verdict.hits}
