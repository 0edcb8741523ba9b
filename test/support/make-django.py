"""Makes the database of a Django project, with accounts and tokens, and prints what is in it as JSON.

Called with JSON: {"database": Django's DATABASES["default"], "users": how many}. Passwords are hashed by each hasher that this
Django has: the first of each at the hasher's own cost, the others at the lowest. Knox's tables are made as its migrations
leave them, and its digests as its `crypto.hash_token` computes them.
"""

import hashlib
import json
import secrets
import sys
import uuid
from datetime import datetime, timedelta, timezone

import django
from django.conf import settings

options = json.loads(sys.argv[1])

settings.configure(
    DATABASES={"default": options["database"]},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework.authtoken",
    ],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    TIME_ZONE="Europe/Berlin",
)
django.setup()

from django.contrib.auth import hashers
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, models, transaction
from django.utils.crypto import get_random_string
from rest_framework.authtoken.models import Token


class AuthToken(models.Model):
    """knox/migrations/0009_extend_authtoken_field.py"""

    digest = models.CharField(max_length=128, primary_key=True)
    token_key = models.CharField(max_length=25, db_index=True)
    user = models.ForeignKey(User, related_name="auth_token_set", on_delete=models.CASCADE)
    created = models.DateTimeField(auto_now_add=True)
    expiry = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "knox"


class Member(AbstractBaseUser):
    """A user model of a project's own: no username, a UUID, and not what is optional."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    USERNAME_FIELD = "email"

    class Meta:
        app_label = "accounts"


def lowest_cost(hasher):
    for name, cost in {"iterations": 10, "rounds": 4, "time_cost": 1, "memory_cost": 8, "parallelism": 1}.items():
        if hasattr(hasher, name):
            setattr(hasher, name, cost)
    if hasattr(hasher, "work_factor"):
        hasher.work_factor = 2**4
    return hasher


def all_hashers():
    names = [
        "PBKDF2PasswordHasher",
        "PBKDF2SHA1PasswordHasher",
        "Argon2PasswordHasher",
        "BCryptSHA256PasswordHasher",
        "BCryptPasswordHasher",
        "ScryptPasswordHasher",  # since Django 4.0
        "SHA1PasswordHasher",
        "MD5PasswordHasher",
        "UnsaltedSHA1PasswordHasher",
        "UnsaltedMD5PasswordHasher",
    ]
    return [getattr(hashers, name) for name in names if hasattr(hashers, name)]


def encode(make, password, at_own_cost):
    hasher = make() if at_own_cost else lowest_cost(make())
    if make.__name__.startswith("Unsalted"):
        return hasher.encode(password, "")
    salt = get_random_string(22) if "BCrypt" not in make.__name__ else hasher.salt()
    return hasher.encode(password, salt)


def make_users(count):
    makers = all_hashers()
    users, facts = [], []
    for index in range(count):
        make = makers[index % len(makers)]
        password = secrets.token_urlsafe(12) + " pässwörd ✓"
        first = index < len(makers)
        user = User(
            username=f"user{index}" if index % 7 else f"jürgen_{index}",
            email=f"user{index}@example.org" if index % 3 else "",
            password=encode(make, password, first),
            is_active=index % 50 != 49,
            is_superuser=index % 100 == 1,
            date_joined=datetime(2020, 1, 1, tzinfo=timezone.utc) + timedelta(hours=index),
            last_login=datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc) if index % 2 else None,
        )
        if index % 60 == 59:
            user.set_unusable_password()
        users.append(user)
        facts.append({
            "username": user.username,
            "email": user.email,
            "password": password if user.has_usable_password() else None,
            "hasher": user.password.split("$")[0] if "$" in user.password else "unsalted",
            "ownCost": first,
            "active": user.is_active,
            "superuser": user.is_superuser,
        })
    User.objects.bulk_create(users)
    return facts


def make_tokens(facts):
    now = datetime.now(timezone.utc)
    by_name = {user.username: user for user in User.objects.all()}
    for index, fact in enumerate(facts):
        user = by_name[fact["username"]]
        fact["id"] = user.pk
        fact["drf"] = Token.objects.create(user=user).key
        fact["knox"] = []
        for expiry in [timedelta(hours=10), None][: index % 3]:
            token = secrets.token_hex(32)
            fact["knox"].append(token)
            digest = hashlib.sha512(token.encode()).hexdigest()
            expires = None if expiry is None else now + expiry
            AuthToken.objects.create(digest=digest, token_key=token[:15], user=user, expiry=expires)
        if index % 4 == 0:
            token = secrets.token_hex(32)
            digest = hashlib.sha512(token.encode()).hexdigest()
            AuthToken.objects.create(digest=digest, token_key=token[:15], user=user, expiry=now - timedelta(days=1))
    return facts


call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(AuthToken)
    editor.create_model(Member)
with transaction.atomic():
    made = make_tokens(make_users(options["users"]))
    members = []
    for index in range(3):
        password = secrets.token_urlsafe(12)
        member = Member(email=f"Member{index}@Example.org")
        member.password = encode(hashers.PBKDF2PasswordHasher, password, False)
        member.save()
        members.append({"id": str(member.id), "email": member.email, "password": password})
print(json.dumps({"django": django.get_version(), "users": made, "members": members}))
