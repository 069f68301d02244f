"""Shares of stacks: what a profile of a process says in a table."""

from bench.profiles import shares

RAW = """\
<module> (fastpath/__main__.py:9);run (/usr/lib/python3.11/asyncio/runners.py:1);respond (fastpath/service.py:3) 6
<module> (fastpath/__main__.py:9);respond (fastpath/service.py:3);send (kernel/redis/loop_connection.py:7) 3
<module> (fastpath/__main__.py:9);run (/x/site-packages/psycopg/cursor.py:1);run (/x/site-packages/psycopg/cursor.py:1) 1
"""  # noqa: E501


def test_own_time_counts_for_the_innermost_function_and_its_package():
    found = shares(RAW.splitlines())
    assert found["samples"] == 10
    assert found["rooms"] == [["fastpath", 60.0], ["kernel/redis", 30.0], ["psycopg", 10.0]]
    assert found["functions"][0] == ["fastpath: respond", 60.0, 90.0]
    # Twice in one stack is once in a sample.
    assert found["functions"][2] == ["psycopg: run", 10.0, 10.0]
