"""A cluster starts, is seen, and ends wholly; what has ended by itself is named."""

import signal

import pytest
import yaml

from deploy.cluster import __main__ as command
from deploy.cluster.cluster import PROCESSES
from deploy.cluster.kubectl import Refused
from stack.errors import StackError
from stack.process import start_time, wait_until


def test_the_api_server_says_the_version_that_is_pinned(kubectl):
    said = kubectl.run("version", "-o", "json")
    assert '"gitVersion": "v1.37.2"' in said


def test_all_of_it_needs_less_than_two_gibibytes(cluster):
    found = cluster.status()
    assert [one.name for one in found] == list(PROCESSES)
    assert all(one.memory for one in found)
    assert sum(one.memory for one in found) < 2 * 2**30


def test_starting_it_twice_changes_nothing(cluster):
    before = [one.pid for one in cluster.status()]
    assert cluster.up() == 0.0
    assert [one.pid for one in cluster.status()] == before


def test_nobody_comes_in_without_a_certificate(cluster, tmp_path):
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    for one in config["users"]:
        one["user"] = {}
    stranger = tmp_path / "kubeconfig"
    stranger.write_text(yaml.safe_dump(config))
    # Who is nobody is asked for a name.
    with pytest.raises(Refused, match=r"forbidden|provide credentials|enter Username"):
        type(cluster.kubectl)(stranger).run("get", "nodes")


def test_what_ends_is_named_and_the_rest_goes_with_it(tmp_path, capsys):
    """A cluster of its own, by the command."""
    own = command.Cluster(tmp_path / "own")
    assert command.up(own, as_json=False) == 0
    assert "cluster: ready after" in capsys.readouterr().out
    pids = {one.name: one.pid for one in own.status()}
    registry = own.data_dir.registry.alive()
    registry["scheduler"].signal(signal.SIGKILL)
    assert wait_until(lambda: own.status()[3].pid is None, 10)
    assert command.status(own, as_json=False) == command.NOT_RUNNING
    with pytest.raises(StackError, match="scheduler ended"):
        own.up()
    began = {pid: start_time(pid) for pid in pids.values()}
    assert own.down()
    assert wait_until(lambda: not any(began[pid] and start_time(pid) for pid in began), 10)
    assert not own.kubeconfig.exists()
