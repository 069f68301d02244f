"""Several commands in one process, in order, up to the first failure."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command


def test_commands_run_in_order_and_speak_through_one_voice():
    out = StringIO()
    call_command("several", "keys list", "check", stdout=out)
    said = out.getvalue()
    assert said.index("access") < said.index("System check")


def test_the_first_failure_ends_it():
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("several", "keys rotate nothing", "check", stdout=out)
    assert "System check" not in out.getvalue()
