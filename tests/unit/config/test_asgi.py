"""The project's ASGI application is built by what it serves; importing `bus.asgi` does nothing."""

import subprocess
import sys

import pytest


def in_new_process(code: str) -> str:
    """What a new interpreter prints."""
    ran = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


def test_importing_imports_neither_django_nor_channels() -> None:
    assert (
        in_new_process(
            "import sys, bus.asgi; print([m for m in ('django', 'channels', 'pydantic') if m in "
            "sys.modules])"
        )
        == "[]\n"
    )


def test_the_project_serves_all_protocols() -> None:
    code = "from config.asgi import application; print(sorted(application.application_mapping))"
    assert "['channel', 'http', 'lifespan', 'websocket']" in in_new_process(code)


@pytest.mark.parametrize("name", ["config.asgi:application", "bus.asgi:application"])
def test_the_old_name_is_there_and_warns(name: str) -> None:
    module = name.partition(":")[0]
    said = in_new_process(
        f"from {module} import application as one; from {module} import application as two; "
        "print(one is two, 'lifespan' in one.application_mapping)"
    )
    assert "True True" in said
    assert ("bus.asgi.application will go" in said) is (module == "bus.asgi")


def test_no_other_name_is_made() -> None:
    import bus.asgi

    with pytest.raises(AttributeError, match="no attribute 'http'"):
        _ = bus.asgi.http
