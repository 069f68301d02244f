"""The mutation run removes what it says it removes, and nothing else."""

import pytest

from tests.mutants import discovery
from tests.mutants.mutation import Mutant, from_edits
from tests.mutants.operators import lua, python, sql
from tests.mutants.report import summary, survivors
from tests.mutants.worker import Result, Verdict


def changed(source: str, language=python) -> set[str]:
    """Return the texts that the edits of a source make of it."""
    content = source.encode()
    edits = language.edits(content) if language is python else language.edits(source)
    return {
        (content[: e.start] + e.replacement + content[e.end :]).decode()
        for e in edits
        if content[e.start : e.end] != e.replacement
    }


def test_each_condition_of_python_is_negated_and_each_operand_dropped():
    assert changed("if a and b.c:\n    pass\n") == {
        "if not (a and b.c):\n    pass\n",
        "if True and b.c:\n    pass\n",
        "if a and True:\n    pass\n",
    }


def test_boundaries_and_bounds_of_python_move():
    assert changed("x = max(a, b)\n") == {"x = min(a, b)\n"}
    assert changed("한 = 1 <= a < 3\n") == {"한 = 1 < a < 3\n", "한 = 1 <= a <= 3\n"}


def test_filters_and_locks_of_the_orm_go():
    assert changed("R.objects.filter(a=1, b=2)\n") == {
        "R.objects.filter( b=2)\n",
        "R.objects.filter(a=1, )\n",
    }
    assert changed("R.objects.select_for_update(no_key=True).get()\n") == {"R.objects.get()\n"}
    assert changed("locking.lock_fan(user_id=1)\n") == {"pass\n"}


def test_conditions_of_sql_go_and_keep_their_parameters():
    text = "UPDATE t SET a = %s WHERE b = %s AND (c OR d) RETURNING e"
    assert changed(text, sql) == {
        "UPDATE t SET a = %s WHERE (TRUE OR (b = %s)) AND (c OR d) RETURNING e",
        "UPDATE t SET a = %s WHERE b = %s AND (TRUE OR ((c OR d))) RETURNING e",
        "UPDATE t SET a = %s WHERE b = %s AND ((FALSE AND (c)) OR d) RETURNING e",
        "UPDATE t SET a = %s WHERE b = %s AND (c OR (FALSE AND (d))) RETURNING e",
    }


def test_locks_of_sql_go_and_between_is_one_condition():
    text = "SELECT a FROM t WHERE b BETWEEN 1 AND 2 ORDER BY a FOR UPDATE SKIP LOCKED"
    assert changed(text, sql) == {
        "SELECT a FROM t WHERE (TRUE OR (b BETWEEN 1 AND 2)) ORDER BY a FOR UPDATE SKIP LOCKED",
        "SELECT a FROM t WHERE b BETWEEN 1 AND 2 ORDER BY a ",
        "SELECT a FROM t WHERE b BETWEEN 1 AND 2 ORDER BY a FOR UPDATE",
    }


def test_sql_in_python_is_found_and_docstrings_are_not():
    source = '"""SELECT a FROM t WHERE b"""\nQ = """\n  SELECT a FROM t\n  WHERE b = \'AND\'\n"""\n'
    assert changed(source) == {source.replace("b = 'AND'", "(TRUE OR (b = 'AND'))")}


def test_conditions_of_lua_go_but_not_in_comments_and_strings():
    source = "-- if a then\nif x and y <= 'a and b' then return math.max(1, 2) end\n"
    rest = " then return math.max(1, 2) end\n"
    assert changed(source, lua) == {
        "-- if a then\nif not (x and y <= 'a and b') " + rest.lstrip(),
        "-- if a then\nif true and y <= 'a and b'" + rest,
        "-- if a then\nif x and true" + rest,
        "-- if a then\nif x and y < 'a and b'" + rest,
        source.replace("max", "min"),
    }


def test_block_comments_of_lua_are_left_alone():
    assert changed("--[[\n  if a < b then\n]]\nreturn x\n", lua) == set()


def test_a_fragment_of_sql_with_a_parameter_counts_as_sql():
    assert changed('FREE = "(a = 1 AND until <= %(now)s)"\n') == {
        'FREE = "(a = 1 AND until < %(now)s)"\n'
    }


def test_a_mutants_name_outlives_edits_elsewhere_in_its_file():
    def names(source: str) -> list[str]:
        return [m.id for m in from_edits("a.py", source.encode(), python.edits(source.encode()))]

    twice = "if a:\n    pass\nif a:\n    pass\n"
    assert names("x = 1\n" + twice) == names(twice)
    assert len(set(names(twice))) == 2


def test_a_sample_is_the_same_for_the_same_seed():
    mutants = [Mutant(str(n), "a.py", n, "negate", "a", "b") for n in range(100)]
    assert discovery.sample(mutants, size=9, seed=4) == discovery.sample(mutants, size=9, seed=4)
    assert len(discovery.sample(mutants, size=9, seed=4)) == 9
    assert discovery.sample(mutants, size=0, seed=4) == mutants


def test_invalid_mutants_prove_nothing_and_untested_ones_survive():
    verdicts = [Verdict.KILLED, Verdict.SURVIVED, Verdict.UNTESTED, Verdict.INVALID]
    mutants = [Mutant(v.value, "a.py", 1, "negate", "a", "b") for v in verdicts]
    results = {v.value: Result(v.value, v) for v in verdicts}
    assert summary(mutants, results)["survived_percent"] == pytest.approx(66.7)
    assert [m.id for m, _ in survivors(mutants, results)] == ["survived", "untested"]
