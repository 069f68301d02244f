"""The command line: python -m drills NAME|all."""

import os
import sys

import django

# What judges a drill reads models, and no server of these settings.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

from drills import command  # noqa: E402  (models need Django to be ready)

if __name__ == "__main__":
    sys.exit(command.main())
