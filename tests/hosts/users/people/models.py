"""The users of the project, each kind as some project has them."""

import uuid

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class PersonManager(BaseUserManager):
    """Makes people by what they sign in with."""

    def create_user(self, login, password=None, **values):
        """Make a person; whatever they sign in with comes first."""
        person = self.model(**{self.model.USERNAME_FIELD: login}, **values)
        person.set_password(password)
        person.save()
        return person


if settings.USERS == "uuid":

    class Person(AbstractBaseUser):
        """UUIDs, an e-mail address to sign in with, and nothing more: no permissions, no staff."""

        key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
        mail = models.EmailField(unique=True)
        blocked = models.BooleanField(default=False)
        objects = PersonManager()
        USERNAME_FIELD = EMAIL_FIELD = "mail"

        @property
        def is_active(self):
            """Nothing that a query can ask."""
            return not self.blocked

elif settings.USERS == "text":

    class Person(AbstractBaseUser, PermissionsMixin):
        """What they sign in with is their primary key."""

        login = models.CharField(primary_key=True, max_length=63)
        is_staff = models.BooleanField(default=False)
        is_active = models.BooleanField(default=True)
        objects = PersonManager()
        USERNAME_FIELD = "login"

elif settings.USERS == "email":

    class Person(AbstractBaseUser, PermissionsMixin):
        """Numbers, and an e-mail address in the place of a user name."""

        email = models.EmailField(unique=True)
        nickname = models.CharField(max_length=50, blank=True)
        is_staff = models.BooleanField(default=False)
        is_active = models.BooleanField(default=True)
        objects = PersonManager()
        USERNAME_FIELD = EMAIL_FIELD = "email"

        def get_short_name(self):
            """As they want to be called."""
            return self.nickname

elif settings.USERS == "child":

    class Human(AbstractBaseUser):
        """What other tables of the project extend."""

        email = models.EmailField(unique=True)
        is_active = models.BooleanField(default=True)
        objects = PersonManager()
        USERNAME_FIELD = EMAIL_FIELD = "email"

    class Person(Human):
        """Users whose primary key is that of the model that they extend."""

        nickname = models.CharField(max_length=50, blank=True)

        def get_short_name(self):
            """As they want to be called."""
            return self.nickname

else:
    from django.contrib.auth.models import User

    class Person(User):
        """Django's own, saved as a proxy."""

        class Meta:
            proxy = True
