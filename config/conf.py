"""The settings of this repository's project, beside those of Bus: who gets in, and how."""

from __future__ import annotations

from typing import Any

from bus.conf import table
from bus.conf.kinds import RateSetting, Setting


class Conf(table.Conf):
    """The settings of Bus and of the project as typed attributes."""

    # How people come
    https = Setting(
        True,
        "People come by https: cookies are Secure, browsers are told to keep to it (BUS_HSTS), and "
        "who a proxy says came by http is sent on. 0 for a site without TLS. Off when everything "
        "runs embedded, under DEBUG, and where `manage.py up` starts it",
    )
    hsts = Setting(
        31_536_000, "How long browsers keep to https (Strict-Transport-Security); 0 is not", "s"
    )

    # Who signs in, and who knocks too often
    sign_in_attempts = Setting(
        10,
        "Wrong passwords for one name from one address, until that address waits "
        "BUS_SIGN_IN_PAUSE before it may try this name again; 0 is no limit",
        "attempts",
    )
    sign_in_pause = Setting(600.0, "See BUS_SIGN_IN_ATTEMPTS", "s", least=1)
    sign_in_address_rate = RateSetting(
        "200/h",
        "Wrong passwords from one address, for whatever names. Who signed in from there within 30 "
        "days may go on; 0 is no limit",
    )
    sign_in_name_rate = RateSetting(
        "100/h",
        "Wrong passwords for one name, from wherever. An address from which it signed in within "
        "30 days may go on; 0 is no limit",
    )
    sign_up_rate = RateSetting("60/h", "New accounts from one address; 0 is no limit")
    sign_up_pace = RateSetting(
        "10/min", "The same within a moment: a class gets in one after the other; 0 is no limit"
    )
    password_reset = Setting(
        False,
        "A forgotten password may be reset by mail, and accounts have an email address for it. On "
        "where EMAIL_URL is set",
    )
    reset_rate = RateSetting(
        "20/h", "Mails for a forgotten password that one address may ask for; 0 is no limit"
    )
    reset_account_rate = RateSetting(
        "3/h", "Mails for a forgotten password to one email address; 0 is no limit"
    )


conf = Conf()


def own_settings() -> dict[str, Setting[Any]]:
    """Every setting of the project's own by its name."""
    return {s.name: s for s in vars(Conf).values() if isinstance(s, Setting)}
