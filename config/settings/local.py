"""A developer's machine and the demo: everything on 127.0.0.1."""

from config.settings.base import *

CHARGES_APPROVE_THEMSELVES = True
