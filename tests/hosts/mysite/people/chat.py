"""How people are shown in rooms."""

from bus.chat.user_adapter import UserAdapter


class Nicknames(UserAdapter):
    def display_name(self, user):
        return user.nickname
