"""Short calls over kept connections find out by themselves that a server went and came back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import exceptions as redis_errors

from kernel.redis.connections import Lines
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
def lines(server):
    return Lines(server.client().connection_pool)


def connections(server) -> int:
    return int(server.client().info("clients")["connected_clients"]) - 1


def test_one_thread_needs_one_connection(server, lines):
    for number in range(20):
        assert lines.ask("SET", "key", number) == "OK"
    assert lines.ask("GET", "key") == "19"
    assert connections(server) == 1


def test_threads_do_not_share_a_connection(server, lines):
    meeting = threading.Barrier(8)

    def ask(number):
        meeting.wait(20)
        return [lines.ask("ECHO", f"{number} {turn}") for turn in range(200)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
    assert answers == [[f"{number} {turn}" for turn in range(200)] for number in range(8)]
    assert 1 <= connections(server) <= 8


def test_an_error_of_the_server_leaves_the_connection_open(server, lines):
    lines.ask("SET", "key", "text")
    for _ in range(5):
        with pytest.raises(redis_errors.ResponseError, match="not an integer"):
            lines.ask("INCR", "key")
    assert lines.ask("GET", "key") == "text"
    assert connections(server) == 1


def test_a_server_started_again_is_found_by_the_next_call(server, lines):
    lines.ask("SET", "key", 1)
    for _ in range(300):  # more often than the pool may have connections
        server.client().client_kill_filter(_type="normal", skipme=True)
        assert lines.ask("PING") == "PONG"
    server.kill()
    server.start()
    assert lines.ask("GET", "key") is None


def test_a_server_that_is_away_is_a_connection_error_until_it_is_back(server, lines):
    lines.ask("PING")
    server.kill()
    for _ in range(300):
        with pytest.raises(redis_errors.ConnectionError):
            lines.ask("PING")
    server.start()
    assert lines.ask("PING") == "PONG"


def test_a_late_answer_is_not_taken_for_the_next_one(server, lines):
    pool = server.client().connection_pool
    pool.connection_kwargs["socket_timeout"] = 0.2
    hasty = Lines(pool)
    assert hasty.ask("ECHO", "before") == "before"
    with pytest.raises(redis_errors.TimeoutError):
        hasty.ask("BLPOP", "nothing", 2)
    assert hasty.ask("ECHO", "after") == "after"


def test_hanging_up_closes_what_nobody_uses(server, lines):
    lines.ask("PING")
    lines.hang_up()
    await_that(lambda: connections(server) == 0, "closed")
    assert lines.ask("PING") == "PONG"
