"""Creates the tables, the users and a token of each, and prints the tokens as JSON."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

call_command("migrate", verbosity=0)
with connection.cursor() as cursor:
    cursor.execute("PRAGMA journal_mode = WAL")
with transaction.atomic():
    tokens = [
        Token.objects.create(user=User.objects.create(username="user%04d" % number)).key
        for number in range(1, int(os.environ["TOKENS"]) + 1)
    ]
json.dump(tokens, sys.stdout)
