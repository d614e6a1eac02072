"""Django admin for rooms, messages, reviews, sanctions, and the log of what was done.

Each module registers its own when it is imported.
"""

from bus.admin import api_keys, people, reviews, rooms, sanctions
from bus.admin.others import answer_all_lookups

__all__ = ["api_keys", "people", "reviews", "rooms", "sanctions"]

# Once people have their own.
answer_all_lookups("django.contrib.auth")
answer_all_lookups("axes")
