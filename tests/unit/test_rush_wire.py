"""The connections of the load client: whole responses, and what becomes of lost ones."""

import socket
import threading
import time

import pytest

from proof.rush.wire import LOST, Connection, Wire
from tests.support.waiting import await_that


class RawServer:
    """Replies to each request with the next of its pieces of bytes; None closes."""

    def __init__(self, *replies: list[bytes] | None) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._replies = list(replies)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                while self._replies and peer.recv(65536):
                    pieces = self._replies.pop(0)
                    if pieces is None:
                        peer.close()
                        break
                    for piece in pieces:
                        peer.sendall(piece)
                        time.sleep(0)
                if not self._replies and peer.fileno() >= 0:
                    peer.recv(1)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join()


@pytest.fixture
def connected():
    made = []

    def connect(*replies):
        server = RawServer(*replies)
        wire = Wire(server.port, 1)
        made.append((server, wire))
        return wire

    yield connect
    for server, wire in made:
        wire.close()
        server.close()


def exchange(wire: Wire, subject: object):
    until = time.monotonic() + 10
    while not wire.free:
        list(wire.received(0.05))
        assert time.monotonic() < until
    wire.send(b"GET / HTTP/1.1\r\n\r\n", due=1.0, subject=subject)
    while True:
        assert time.monotonic() < until
        for received in wire.received(0.05):
            return received


def test_a_response_is_put_together_from_its_pieces(connected):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    wire = connected([head[:9], head[9:], b"he", b"llo"], [head + b"again"])
    first, second = exchange(wire, "a"), exchange(wire, "b")
    assert (first.status, first.body, first.subject, first.due) == ("200", b"hello", "a", 1.0)
    assert (second.body, second.subject) == (b"again", "b")
    assert wire.busy == 0


def test_chunks_and_empty_responses_end(connected):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    wire = connected([chunked, b"3\r\nabc\r\n", b"0\r\n\r\n"], [b"HTTP/1.1 204 No Content\r\n\r\n"])
    assert exchange(wire, 1).body.startswith(b"3")
    assert exchange(wire, 2).status == "204"


def test_a_closed_connection_loses_its_request_and_is_opened_again(connected):
    wire = connected(None, [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
    lost = exchange(wire, "first")
    assert (lost.status, lost.subject, lost.body) == (LOST, "first", b"")
    assert exchange(wire, "second").status == "200"


def test_a_server_that_says_close_is_believed(connected):
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    wire = connected([closing], [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
    assert exchange(wire, 1).status == "200"
    assert not wire.free


def test_the_connection_that_was_used_last_is_used_next(connected):
    reply = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]
    wire = connected(reply, reply)
    used = wire.free[-1]
    exchange(wire, 1)
    idle = Connection(used.socket, wire.pool)
    wire.free.appendleft(idle)  # it has waited for longer
    exchange(wire, 2)
    assert list(wire.free) == [idle, used]


def test_what_takes_too_long_is_given_up(connected):
    wire = connected([])
    wire.send(b"GET / HTTP/1.1\r\n\r\n", due=0.0, subject="slow")
    assert list(wire.lose_older(time.monotonic() - 60)) == []
    [lost] = wire.lose_older(time.monotonic() + 1)
    assert (lost.status, lost.subject, wire.busy) == (LOST, "slow", 0)


def test_a_server_that_is_gone_is_tried_again_until_it_is_back(connected):
    wire = connected(None)
    port, wire.pool.port = wire.pool.port, 1  # where nobody listens
    exchange(wire, "first")
    await_that(lambda: list(wire.received(0.02)) == [] and not wire._opening, "it was refused")
    assert not wire.free
    wire.pool.port = port
    await_that(lambda: list(wire.received(0.02)) == [] and wire.free, "it is open again")
