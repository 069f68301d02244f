"""The profile with spare parts: what stands in for what, and the ways there; the plain stack."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stack import cli, python_program, settings, topology
from stack.data_dir import DataDir
from stack.errors import StackError
from stack.os_users import OsUser
from stack.postgres import patroni
from stack.postgres.cluster import Passwords, PostgresHost
from stack.postgres.settings import server_settings
from stack.process import Tools
from stack.profiles import HA, PLAIN, PROFILES, VALKEY
from stack.settings import PORTS, check_free, ports


@pytest.fixture
def data_dir(tmp_path):
    return DataDir(tmp_path / "data").make()


def test_each_stand_in_stands_for_a_part_of_the_plain_stack():
    assert set(HA.stand_ins) <= set(topology.PARTS)
    assert not set(HA.parts()) & set(topology.PARTS)
    assert PROFILES == {"plain": PLAIN, "ha": HA, "valkey": VALKEY}


def test_that_of_valkey_alone_is_a_part_of_the_whole():
    assert VALKEY.stand_ins.items() <= HA.stand_ins.items()
    assert {port.part for port in VALKEY.ports} == set(VALKEY.parts())
    assert set(VALKEY.ports) <= set(HA.ports)


def test_its_ports_are_its_parts_own_and_have_variables_of_their_own():
    assert {port.part for port in HA.ports} == set(HA.parts())
    every = [*PORTS, *HA.ports]
    for names in ([port.name for port in every], [port.variable for port in every]):
        assert len(set(names)) == len(names)
    chosen = ports({}, profile=HA)
    assert len(set(chosen.values())) == len(every)


def test_a_base_moves_them_behind_those_of_the_plain_stack():
    chosen = ports({"FRONTROW_PORT_BASE": "30000"}, profile=HA)
    assert ports({"FRONTROW_PORT_BASE": "30000"}).items() <= chosen.items()
    assert chosen[HA.ports[0].name] == 30000 + len(PORTS)
    with pytest.raises(StackError, match="is no port number with"):
        ports({"FRONTROW_PORT_BASE": str(65536 - len(PORTS))}, profile=HA)


def test_a_taken_port_of_its_own_is_named(monkeypatch):
    chosen = ports({}, profile=HA)
    monkeypatch.setattr(settings, "taken", lambda port: port == chosen["postgres-2"])
    with pytest.raises(StackError, match="FRONTROW_POSTGRES_2_PORT"):
        check_free(chosen, HA.parts(), profile=HA)
    check_free(chosen, topology.PARTS)


def test_the_ways_to_its_servers_name_all_of_them(data_dir):
    chosen = ports({}, profile=HA)
    made = topology.local_environment(data_dir, chosen, HA)
    members = ",".join(f"127.0.0.1:{chosen[name]}" for name in HA.stand_ins["primary"][1:])
    for name, wanted in {
        "DATABASE_URL": "read-write",
        "IDEMPOTENCY_DATABASE_URL": "read-write",
        "REPLICA_URL": "prefer-standby",
    }.items():
        parts = urlsplit(made[name])
        assert parts.netloc.rpartition("@")[2] == members
        assert parts.query == f"target_session_attrs={wanted}"
    for role in ("lock", "queue"):
        url = made[f"REDIS_{role.upper()}_URL"]
        assert url.startswith("redis+cluster://")
        assert url.count(",") == 5
    assert made["KAFKA_BOOTSTRAP_SERVERS"].count(",") == 2
    assert (made["KAFKA_TOPIC_REPLICATION"], made["KAFKA_TOPIC_MIN_INSYNC"]) == ("3", "2")


def test_the_plain_stack_has_the_ways_it_had(data_dir):
    made = topology.local_environment(data_dir, ports({}))
    assert made["REPLICA_URL"].endswith("@127.0.0.1:15433/frontrow")
    assert made["REDIS_LOCK_URL"] == "redis://127.0.0.1:16380/0"
    assert made["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:19092"
    assert "KAFKA_TOPIC_REPLICATION" not in made


def test_only_known_profiles_are_taken(capsys):
    assert cli.parser().parse_args(["up"]).profile == "plain"
    assert cli.parser().parse_args(["up", "--profile", "ha"]).profile == "ha"
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["up", "--profile", "hay"])
    assert "invalid choice" in capsys.readouterr().err


def configured(tmp_path):
    site = PostgresHost(
        programs=Path("/programs"),
        home=tmp_path,
        os_user=None,
        passwords=Passwords(
            "super-secret", "replicator-secret", "application-secret", "observer-secret"
        ),
        tools=Tools(),
    )
    shared = server_settings(port=5001, memory=2**34, durable=True)
    consensus = patroni.Consensus(2379, "root", "etcd-secret", "rest-secret")
    text = patroni.configuration(
        site,
        consensus,
        name="postgres-1",
        port=5001,
        rest_port=8001,
        settings=shared,
        pgpass=tmp_path / "pgpass",
    )
    return shared, json.loads(text)


def test_a_member_with_a_link_to_etcd_knows_no_other_way():
    links = {"postgres-2": 20002}
    consensus = patroni.Consensus(2379, "root", "etcd-secret", "rest-secret", links)
    login = {"username": "root", "password": "etcd-secret"}
    assert consensus.etcd_for("postgres-1") == {"host": "127.0.0.1:2379", **login}
    linked = consensus.etcd_for("postgres-2")
    assert linked == {"hosts": ["127.0.0.1:20002"], "use_proxies": True, **login}


def test_a_commit_waits_for_one_standby_and_never_for_none(tmp_path):
    agreed = configured(tmp_path)[1]["bootstrap"]["dcs"]
    assert agreed["synchronous_mode"] == "quorum"
    assert agreed["synchronous_mode_strict"] is True
    assert agreed["synchronous_node_count"] == 1
    assert agreed["loop_wait"] + 2 * agreed["retry_timeout"] <= agreed["ttl"]


def test_members_have_the_settings_of_the_plain_servers(tmp_path):
    shared, tree = configured(tmp_path)
    said = tree["bootstrap"]["dcs"]["postgresql"]["parameters"] | tree["postgresql"]["parameters"]
    assert said == {k: v for k, v in shared.items() if k not in patroni.OWN_SETTINGS}
    assert all("127.0.0.1/32 scram-sha-256" in line for line in tree["postgresql"]["pg_hba"])
    assert "application-secret" not in json.dumps(tree)


def test_an_interpreter_that_the_servers_user_can_not_run_is_not_taken(monkeypatch):
    monkeypatch.setattr(python_program, "_runs", lambda interpreter, user: False)
    nobody = OsUser("nobody", 65534, 65534)
    with pytest.raises(StackError, match=r"Patroni needs a python3\.\d+ that nobody can run"):
        python_program._interpreter("Patroni", nobody)
