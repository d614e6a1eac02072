"""A Django project of a stranger: `startproject`, and the five lines by which Bus comes in."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.manage_up import ROOT, START_SECONDS, Up, environment, free_port

URLS = """
from django.urls import include, path
urlpatterns = [path("{prefix}", include("bus.urls"))]
"""
ASGI = """
import os
from django.core.asgi import get_asgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
http = get_asgi_application()
{imports}
import bus.asgi
application = bus.asgi.mount(http, websocket=[{routes}])
"""
SETTINGS = """
import bus
INSTALLED_APPS = ["bus", "channels", *INSTALLED_APPS]
CHANNEL_LAYERS = bus.channel_layers()
"""


class HostProject:
    """The project in a directory of its own; what it runs finds Bus in this tree."""

    def __init__(self, directory: Path, prefix: str = "") -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.environment = environment(directory / "var", 0)
        del self.environment["BUS_VAR_DIR"], self.environment["PORT"]
        self.environment["PYTHONPATH"] = str(ROOT)
        self.run("-m", "django", "startproject", "mysite", ".")
        self.add("mysite/settings.py", SETTINGS)
        self.write("mysite/urls.py", URLS.format(prefix=prefix))
        self.mount()

    def write(self, path: str, text: str) -> None:
        """Write a file of the project."""
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def add(self, path: str, text: str) -> None:
        """Write more into a file of the project."""
        self.write(path, (self.directory / path).read_text() + text)

    def app(self, name: str, **modules: str) -> None:
        """Make an app of these modules, and install it."""
        self.write(f"{name}/__init__.py", "")
        for module, text in modules.items():
            self.write(f"{name}/{module}.py", text)
        self.add("mysite/settings.py", f"INSTALLED_APPS.append({name!r})\n")

    def mount(self, imports: str = "", routes: str = "") -> None:
        """Write the project's asgi.py, with its own routes of WebSockets."""
        self.write("mysite/asgi.py", ASGI.format(imports=imports, routes=routes))

    def run(
        self, *command: str, check: bool = True, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments, from another directory than the project's."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.directory if command[0] == "-m" else self.directory.parent,
            env={**self.environment, **environ},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    def manage(
        self, *args: str, check: bool = True, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of its manage.py."""
        return self.run(str(self.directory / "manage.py"), *args, check=check, **environ)

    def up(self, *options: str, **environ: str) -> "HostUp":
        """Start it by `manage.py up`."""
        return HostUp(self, *options, **environ)


class HostUp(Up):
    """One run of `manage.py up` in such a project."""

    def __init__(self, project: HostProject, *options: str, **environ: str) -> None:
        self.port = free_port()
        self.directory = project.directory
        self.log = project.directory / "up.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(project.directory / "manage.py"), "up", *options],
                # Whoever starts it may stand anywhere.
                cwd=project.directory.parent,
                env={**project.environment, "PORT": str(self.port), **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> "HostUp":
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
