"""Calls over a stack of open connections find out by themselves that the server restarted."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import exceptions as redis_errors

from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import breaker, client
from kernel.redis.connections import ConnectionStack
from kernel.redis.functions import FunctionLibrary
from stack.service import free_ports
from tests.support.valkeys import Server
from tests.support.waiting import await_that


@pytest.fixture
def server(tmp_path):
    [port] = free_ports(1)
    server = Server(port, tmp_path / "valkey", ()).start()
    yield server
    server.kill()


@pytest.fixture
def stack(server):
    return ConnectionStack(server.client().connection_pool)


def connections(server) -> int:
    return int(server.client().info("clients")["connected_clients"]) - 1


def test_one_thread_needs_one_connection(server, stack):
    for number in range(20):
        assert stack.execute("SET", "key", number) == "OK"
    assert stack.execute("GET", "key") == "19"
    assert connections(server) == 1


def test_threads_do_not_share_a_connection(server, stack):
    meeting = threading.Barrier(8)

    def call(number):
        meeting.wait(20)
        return [stack.execute("ECHO", f"{number} {turn}") for turn in range(200)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(call, range(8)))
    assert answers == [[f"{number} {turn}" for turn in range(200)] for number in range(8)]
    assert 1 <= connections(server) <= 8


def test_an_error_of_the_server_leaves_the_connection_open(server, stack):
    stack.execute("SET", "key", "text")
    for _ in range(5):
        with pytest.raises(redis_errors.ResponseError, match="not an integer"):
            stack.execute("INCR", "key")
    assert stack.execute("GET", "key") == "text"
    assert connections(server) == 1


def test_a_server_started_again_is_found_by_the_next_call(server, stack):
    stack.execute("SET", "key", 1)
    for _ in range(300):  # more often than the pool may have connections
        server.client().client_kill_filter(_type="normal", skipme=True)
        assert stack.execute("PING") == "PONG"
    server.kill()
    server.start()
    assert stack.execute("GET", "key") is None


def test_an_unavailable_server_is_a_connection_error_until_it_is_back(server, stack):
    stack.execute("PING")
    server.kill()
    for _ in range(300):
        with pytest.raises(redis_errors.ConnectionError):
            stack.execute("PING")
    server.start()
    assert stack.execute("PING") == "PONG"


def test_a_late_reply_is_not_taken_for_the_next_one(server, stack):
    pool = server.client().connection_pool
    pool.connection_kwargs["socket_timeout"] = 0.2
    hasty = ConnectionStack(pool)
    assert hasty.execute("ECHO", "before") == "before"
    with pytest.raises(redis_errors.TimeoutError):
        hasty.execute("BLPOP", "nothing", 2)
    assert hasty.execute("ECHO", "after") == "after"


def test_disconnecting_closes_what_nobody_uses(server, stack):
    stack.execute("PING")
    stack.disconnect_idle()
    await_that(lambda: connections(server) == 0, "closed")
    assert stack.execute("PING") == "PONG"


OLD, NEW = (
    f"#!lua name=frontrow_test_version\n"
    f"server.register_function('frontrow_test_version', function() return {number} end)\n"
    for number in (1, 2)
)


@pytest.fixture
def version(db_ready, tmp_path):
    path = tmp_path / "version.lua"
    path.write_text(NEW)
    return FunctionLibrary("queue", path)


def call_after_a_restart_from_an_old_file(version) -> list[int]:
    """Put an older text of the library on the server, as its file may, and end all connections."""
    assert version.call("frontrow_test_version", keys=[], args=[]) == 2
    with client("queue").pipeline(transaction=False) as server:
        server.function_load(OLD, replace=True)
        server.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        server.execute()
    return [version.call("frontrow_test_version", keys=[], args=[]) for _ in range(2)]


def test_a_server_restarted_from_an_old_file_gets_the_functions_again(version):
    assert call_after_a_restart_from_an_old_file(version)[-1] == 2


@pytest.mark.control
def test_control_functions_loaded_once_a_process_stay_old(version, monkeypatch):
    monkeypatch.setattr("kernel.redis.functions.connection_epoch", lambda _: 0)
    assert call_after_a_restart_from_an_old_file(version) == [1, 1]
    version.load()


def test_several_commands_are_answered_in_order_and_each_with_its_own_error(server, stack):
    commands = [("SET", "key", "text"), ("INCR", "key"), ("GET", "key"), ("ECHO", "x" * 100_000)]
    first, failed, text, long = stack.execute_all(commands)
    assert (first, text, len(long)) == ("OK", "text", 100_000)
    assert "not an integer" in str(failed)
    assert stack.execute("GET", "key") == "text"
    assert connections(server) == 1


KINDS = """#!lua name=frontrow_test_kinds
local function first(keys, args)
  if args[1] == 'fail' then return server.error_reply('ERR refused') end
  if args[1] == 'unable' then return server.error_reply('READONLY of another') end
  return {keys[1], args[1]}
end
server.register_function('frontrow_test_kinds', first)
"""


@pytest.fixture
def kinds(db_ready, tmp_path):
    path = tmp_path / "kinds.lua"
    path.write_text(KINDS)
    return FunctionLibrary("queue", path)


def calls(*args):
    return [(["{one}:key"], [arg]) for arg in args]


def test_a_call_that_fails_leaves_the_others_their_replies(kinds):
    one, failed, two = kinds.call_all("frontrow_test_kinds", calls=calls("a", "fail", "b"))
    assert [one, two] == [[b"{one}:key", b"a"], [b"{one}:key", b"b"]]
    assert "refused" in str(failed)
    with pytest.raises(redis_errors.ResponseError, match="refused"):
        kinds.call("frontrow_test_kinds", keys=["{one}:key"], args=["fail"])


def test_a_server_that_is_unable_is_unavailable_to_all(kinds):
    try:
        with pytest.raises(DependencyUnavailable):
            kinds.call_all("frontrow_test_kinds", calls=calls("a", "unable", "b"))
    finally:
        breaker("queue").reset()


def test_a_library_that_is_gone_is_loaded_for_all_calls(kinds):
    kinds.load()
    client("queue").function_flush()
    replies = kinds.call_all("frontrow_test_kinds", calls=calls("a", "b"))
    assert [reply[1] for reply in replies] == [b"a", b"b"]
