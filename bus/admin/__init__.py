"""Django admin for rooms, messages, reviews, sanctions, tasks, and the log of what was done.

Each module registers its own when it is imported.
"""

from bus.admin import api_keys, reviews, rooms, sanctions, tasks

__all__ = ["api_keys", "reviews", "rooms", "sanctions", "tasks"]
