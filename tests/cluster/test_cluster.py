"""A cluster starts, is seen, and ends wholly; what has ended by itself is named."""

import signal

import pytest
import yaml

from deploy.cluster import __main__ as command
from deploy.cluster.cluster import PROCESSES, Cluster
from deploy.cluster.kubectl import Refused
from deploy.cluster.stages import RUNS
from stack.errors import StackError
from stack.process import start_time, wait_until
from tests.cluster.watching import is_ready
from tests.delivery.objects import COMPONENT


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


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Return another cluster, whose pods of the API run once they are said to."""
    one = Cluster(tmp_path_factory.mktemp("own"), awaited="api")
    yield one
    one.down()


def test_awaited_pods_are_ready_once_they_are_said_to_run(own):
    own.up()
    place = ("--namespace", "argo-rollouts")
    made = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": component, "labels": {COMPONENT: component}},
            "spec": {
                "containers": [{"name": "one", "image": "one"}],
                "automountServiceAccountToken": False,
            },
        }
        for component in ("api", "beat")
    ]
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    own.kubectl.apply([account, *made], *place)
    own.kubectl.run("wait", "--for=condition=Ready", "--timeout=60s", "pod/beat", *place)
    assert not is_ready(own.kubectl.get("pod/api", *place))
    own.kubectl.run("annotate", "pod/api", f"{RUNS}=yes", *place)
    own.kubectl.run("wait", "--for=condition=Ready", "--timeout=60s", "pod/api", *place)


def test_what_ends_is_named_and_the_rest_goes_with_it(own, capsys):
    assert command.up(own, as_json=False) == 0
    assert "cluster: r" in capsys.readouterr().out  # ready after so long, or running already
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
