"""Making weights for the classifier: of moderators' decisions, and of labelled texts.

Nothing that judges imports it. `moderation learn` runs on it, and so does `tools/moderation`.
"""
