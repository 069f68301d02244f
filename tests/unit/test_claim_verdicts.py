"""The claim function and its caller mean the same by a verdict."""

import re
from pathlib import Path

import reservations
from reservations.claims import Verdict

LUA = Path(reservations.__path__[0]) / "lua" / "seat_claims.lua"


def test_the_numbers_of_the_verdicts_are_the_same_on_both_sides():
    names, numbers = re.search(r"\nlocal (CLAIMED[\w, ]*) = ([\d, ]+)\n", LUA.read_text()).groups()
    in_lua = dict(zip(names.split(", "), map(int, numbers.split(", ")), strict=True))
    in_python = {verdict.name: verdict.value for verdict in Verdict}
    assert in_python.pop("SKIPPED") not in in_lua.values()  # the server is not asked
    assert in_lua == in_python
