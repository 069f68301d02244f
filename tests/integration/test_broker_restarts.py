"""A broker that restarts ends no worker (Note [Broker restarts] in config/broker.py)."""

import logging

import pytest
from kombu import Connection, Queue
from kombu.transport import redis as stock

from config.broker import Transport
from stack.service import free_ports
from tests.support.valkeys import Server


@pytest.fixture
def server(tmp_path):
    [port] = free_ports(1)
    server = Server(port, tmp_path / "broker", ()).start()
    yield server
    server.kill()


def lost_with_unacknowledged_messages(server, transport) -> None:
    """Take two messages, acknowledge neither, lose the broker, close the connection."""
    with Connection(f"redis://127.0.0.1:{server.port}/0", transport=transport) as connection:
        channel = connection.channel()
        queue = Queue("work", channel=channel)
        queue.declare()
        for n in range(2):
            connection.Producer(channel).publish({"n": n}, routing_key="work")
        for _ in range(2):
            assert queue.get(no_ack=False)
        server.kill()
        channel.close()


def test_closing_without_the_broker_raises_nothing(server, caplog):
    lost_with_unacknowledged_messages(server, Transport)
    [line] = [r for r in caplog.records if r.name == "config.broker"]
    assert line.count == 2


@pytest.mark.control
def test_control_kombus_own_bookkeeping_raises(server):
    with pytest.raises(Exception, match=r"onnect"):
        lost_with_unacknowledged_messages(server, stock.Transport)


def test_what_could_not_be_put_back_is_still_known_to_the_broker(server, tmp_path):
    server.options = ("--appendonly", "yes")
    server.kill()
    server.start()
    lost_with_unacknowledged_messages(server, Transport)
    server.start()
    assert server.client().hlen("unacked") == 2


def settle_on_a_lost_channel(server, transport, settle) -> None:
    """Take a message, lose the broker and the channel, then say what became of the message."""
    with Connection(f"redis://127.0.0.1:{server.port}/0", transport=transport) as connection:
        channel = connection.channel()
        queue = Queue("work", channel=channel)
        queue.declare()
        connection.Producer(channel).publish({}, routing_key="work")
        message = queue.get(no_ack=False)
        server.kill()
        channel.close()
        channel._disconnect_pools()  # as the close left it that had nothing to put back
        getattr(message, settle)(logging.getLogger(__name__), connection.connection_errors)


@pytest.mark.parametrize("settle", ["ack_log_error", "reject_log_error"])
def test_a_task_that_ends_after_its_channel_ends_no_worker(server, caplog, settle):
    settle_on_a_lost_channel(server, Transport, settle)
    assert "connection was lost" in caplog.text


@pytest.mark.control
@pytest.mark.parametrize("settle", ["ack_log_error", "reject_log_error"])
def test_control_on_kombus_own_channel_it_is_no_lost_connection(server, monkeypatch, settle):
    monkeypatch.setattr(Transport.Channel, "_connparams", stock.Channel._connparams)
    with pytest.raises(AttributeError):
        settle_on_a_lost_channel(server, Transport, settle)
