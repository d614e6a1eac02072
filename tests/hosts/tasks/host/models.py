"""What the project's own transactions write."""

from django.db import models

# Tasks may be defined before models are there.
from host import tasks  # noqa: F401


class Thing(models.Model):
    """A row of the host's."""

    name = models.CharField(max_length=20)

    class Meta:
        app_label = "host"

    def __str__(self) -> str:
        return self.name
