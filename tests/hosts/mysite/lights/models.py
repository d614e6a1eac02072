"""What the app stores."""

from django.db import models


class Light(models.Model):
    name = models.CharField(max_length=40, unique=True)
    lit = models.IntegerField(default=0)

    def __str__(self):
        return self.name
