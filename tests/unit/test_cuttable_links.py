"""Links that can be cut: nothing comes through meanwhile, and nothing is lost."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from drills.cuttable_links import CuttableLinks

PATIENCE = 20.0  # seconds, of what has to come
SILENCE = 0.3  # seconds in which nothing may


def echo(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(4096):
            connection.sendall(data)


@pytest.fixture
def target() -> Iterator[int]:
    """The port of a server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=echo, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def links(target) -> Iterator[CuttableLinks]:
    made = CuttableLinks(("one", "other"), target)
    made.start()
    yield made
    made.close()


def connected(links: CuttableLinks, name: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", links.ports[name]), timeout=PATIENCE)


def replies(connection: socket.socket, text: bytes) -> bool:
    connection.sendall(text)
    received = b""
    while len(received) < len(text):
        received += connection.recv(4096)
    return received == text


def is_silent(connection: socket.socket) -> bool:
    connection.settimeout(SILENCE)
    try:
        return connection.recv(4096) is None
    except TimeoutError:
        return True
    finally:
        connection.settimeout(PATIENCE)


def test_a_whole_link_brings_everything_there_and_back(links):
    with closing(connected(links, "one")) as one:
        assert replies(one, b"hello")
        assert replies(one, b"x" * 200_000)


def test_a_cut_link_is_silent_and_refuses_nothing(links):
    with closing(connected(links, "one")) as before:
        assert replies(before, b"hello")
        links.cut("one")
        with closing(connected(links, "one")) as later:
            before.sendall(b"to nobody")
            later.sendall(b"to nobody either")
            assert is_silent(before)
            assert is_silent(later)


def test_the_other_link_is_not_cut(links):
    links.cut("one")
    with closing(connected(links, "other")) as other:
        assert replies(other, b"hello")


def test_what_waited_arrives_once_the_link_is_mended(links):
    with closing(connected(links, "one")) as before:
        assert replies(before, b"hello")
        links.cut("one")
        before.sendall(b"late")
        assert is_silent(before)
        links.mend("one")
        assert before.recv(4096) == b"late"
        assert replies(before, b"again")


def test_an_end_comes_through(links):
    with closing(connected(links, "one")) as one:
        one.sendall(b"last")
        one.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: one.recv(4096), b""))
        assert received == b"last"


def test_closing_ends_what_is_connected(target):
    made = CuttableLinks(("one",), target)
    made.start()
    with closing(connected(made, "one")) as one:
        assert replies(one, b"hello")
        made.close()
        assert one.recv(4096) == b""


def test_what_never_started_can_be_closed(target):
    CuttableLinks(("one",), target).close()
