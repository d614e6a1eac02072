"""Which passwords are taken, whichever form asks for one."""

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command


@pytest.mark.parametrize(
    "password",
    [
        *("84739201", "８４７３９２０１", "8473 9201 55", "010-9241-5671", "1987/06/10"),
        "一二三四五六七八",
        *(" " * 10, "\t" * 10, "\u00a0" * 10, "\u3164" * 10, "\u200b" * 10),
        *("\u2800" * 12, "a" + " " * 9),
        *("aaaaaaaaaa", "abababababab", "하하하하하하하하", "!?!?!?!?!?"),
        *("password", "a1b2c", "root-root", ""),
    ],
)  # fmt: skip
def test_what_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, User(username="root-root"))


@pytest.mark.parametrize(
    "password",
    ["a-good-pass-1", "x9 x7 q2 p4", "correct horse battery staple", "자유롭게바다로가자"],
)  # fmt: skip
def test_what_is_not_is_taken(password: str) -> None:
    refused: list[str] = []
    try:
        validate_password(password, User(username="mina"))
    except ValidationError as error:
        refused = error.messages
    assert refused == []


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["84739201", " " * 10, "a"])
def test_a_superuser_made_by_a_script_needs_a_good_one_too(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    options = {"interactive": False, "username": "root", "email": "root@example.org"}
    with pytest.raises(CommandError, match="DJANGO_SUPERUSER_PASSWORD: This password"):
        call_command("createsuperuser", **options)
    assert not User.objects.exists()
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-good-pass-1")
    call_command("createsuperuser", **options, verbosity=0)
    assert User.objects.get(username="root").check_password("a-good-pass-1")
