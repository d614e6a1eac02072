"""The project's hooks: each is what a test says, else the default."""

from bus.chat.user_adapter import UserAdapter

# By the name of a hook.
hooks = {}


def _hook(name):
    def ask(self, *about):
        return hooks[name](*about) if name in hooks else getattr(UserAdapter, name)(self, *about)

    return ask


class Adapter(UserAdapter):
    """Asks the tests."""

    display_name = _hook("display_name")
    avatar_url = _hook("avatar_url")
    profile_url = _hook("profile_url")
    role = _hook("role")
    moderators = _hook("moderators")
    joined_at = _hook("joined_at")
