"""Prints what is installed; fails where something is missing."""

import platform

import django
import gunicorn
import rest_framework

print(
    f"djangorestframework {rest_framework.VERSION}, django {django.__version__}, "
    f"gunicorn {gunicorn.__version__}, Python {platform.python_version()}"
)
