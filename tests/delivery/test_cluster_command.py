"""The command of the test cluster without one: keys, words and errors; tests/cluster starts it."""

import json
import subprocess
import sys

import pytest
import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from deploy.cluster import __main__ as command
from deploy.cluster import certificates, contents, kubectl
from deploy.cluster.cluster import PROCESSES, Cluster
from stack.errors import StackError
from stack.process import Child, start_time


@pytest.fixture(autouse=True)
def _no_data(tmp_path, monkeypatch):
    monkeypatch.setenv("FRONTROW_DATA", str(tmp_path / "data"))


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir()
    return certificates.make(folder, 20443)


def _read(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_only_its_owner_reads_a_key(files):
    made = list(files.folder.iterdir())
    assert len(made) == 8
    assert {one.stat().st_mode & 0o777 for one in made} == {0o600}


def test_the_servers_certificate_is_the_authoritys_and_of_loopback(files):
    server, authority = _read(files.server), _read(files.authority)
    server.verify_directly_issued_by(authority)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert not server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).critical


@pytest.mark.control
def test_control_another_clusters_authority_did_not_sign_it(files, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InvalidSignature):
        _read(files.server).verify_directly_issued_by(
            _read(certificates.make(other, 20443).authority)
        )


@pytest.mark.parametrize(("client", "who"), certificates.CLIENTS.items())
def test_a_kubeconfig_says_who_comes_and_where(files, client, who):
    config = yaml.safe_load(files.kubeconfig(client).read_text())
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:20443"
    encoded = config["users"][0]["user"]["client-certificate-data"]
    decoded = certificates.base64.b64decode(encoded)
    subject = x509.load_pem_x509_certificate(decoded).subject
    groups = [one.value for one in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == who[0]
    assert groups == ([who[1]] if who[1] else [])


def test_nodes_are_in_three_zones_alike():
    nodes = [one for zone in contents.ZONES for one in contents.nodes(zone)]
    zones = [one["metadata"]["labels"]["topology.kubernetes.io/zone"] for one in nodes]
    assert {zone: zones.count(zone) for zone in zones} == dict.fromkeys(contents.ZONES, 4)
    assert len({one["metadata"]["name"] for one in nodes}) == 12


def test_without_a_cluster_each_word_says_so(capsys):
    assert command.main(["status"]) == command.NOT_RUNNING
    assert capsys.readouterr().out.count("does not run") == len(PROCESSES)
    assert command.main(["down"]) == 0
    assert capsys.readouterr().out == "cluster: none runs here\n"
    assert command.main(["env"]) == 1
    assert capsys.readouterr().err == (
        "cluster: no cluster runs here: python -m deploy.cluster up\n"
    )


def test_a_machine_may_read_the_status(capsys):
    assert command.main(["status", "--json"]) == command.NOT_RUNNING
    assert {one["name"]: one["pid"] for one in json.loads(capsys.readouterr().out)} == (
        dict.fromkeys(PROCESSES)
    )


def test_without_kubectl_it_says_so(monkeypatch):
    monkeypatch.setattr(kubectl.shutil, "which", lambda _: None)
    with pytest.raises(StackError, match="kubectl"):
        kubectl.program()


def test_a_cluster_of_which_a_part_has_ended_is_not_started_again():
    cluster = Cluster()
    cluster.data_dir.make()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as left:
        cluster.data_dir.registry.keep({"etcd": Child(left.pid, start_time(left.pid))})
        with pytest.raises(StackError, match=r"^api-server, .* ended: first `down`, then `up`$"):
            cluster.up()
        left.communicate(b"\n")
