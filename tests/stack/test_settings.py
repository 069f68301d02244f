"""Ports, servers that run elsewhere, and the lines that lead a shell to the parts."""

import socket
import subprocess

import pytest

from stack import cli, report, settings, topology
from stack.data_dir import DataDir
from stack.errors import StackError
from stack.gateway import Options
from stack.process_registry import write_json
from stack.service import FREE_PORTS, HOST, free_ports

LOCAL = {"DATABASE_URL": "postgresql://a@h/x", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:19092"}


def test_ports_have_defaults_and_follow_the_environment():
    assert settings.ports({})["gateway"] == 8000
    assert settings.ports({"FRONTROW_PORT": "9000"})["gateway"] == 9000


def test_one_variable_moves_every_port_at_once():
    moved = settings.ports({"FRONTROW_PORT_BASE": "30000"})
    assert moved["gateway"] == 30000
    assert sorted(moved.values()) == list(range(30000, 30000 + len(settings.PORTS)))


def test_a_ports_own_variable_goes_before_the_base():
    moved = settings.ports({"FRONTROW_PORT_BASE": "30000", "FRONTROW_QUEUE_PORT": "16381"})
    assert moved["queue"] == 16381
    assert moved["gateway"] == 30000


@pytest.mark.parametrize("value", ["0", "65530", "many", "-1", "30000 "])
def test_nonsense_is_no_base(value):
    with pytest.raises(StackError, match=r"FRONTROW_PORT_BASE=.* is no port number"):
        settings.ports({"FRONTROW_PORT_BASE": value})


def test_the_gateway_trusts_and_limits_nobody_by_default():
    assert settings.gateway_options({}) == Options()
    environment = {
        "FRONTROW_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1",
        "FRONTROW_GATEWAY_LIMITS": "on",
    }
    assert settings.gateway_options(environment) == Options(
        ("10.0.0.0/8", "192.0.2.1"), limits=True
    )
    with pytest.raises(StackError, match="FRONTROW_GATEWAY_LIMITS"):
        settings.gateway_options({"FRONTROW_GATEWAY_LIMITS": "perhaps"})


def test_members_reach_etcd_by_links_where_there_are_some():
    assert settings.etcd_links({}) == {}
    environment = {"FRONTROW_ETCD_LINKS": "postgres-1=20001,postgres-3=20003"}
    assert settings.etcd_links(environment) == {"postgres-1": 20001, "postgres-3": 20003}
    for nonsense in ("postgres-1", "postgres-4=20004", "postgres-1=0", "postgres-1=http"):
        with pytest.raises(StackError, match="FRONTROW_ETCD_LINKS"):
            settings.etcd_links({"FRONTROW_ETCD_LINKS": nonsense})


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1", "80 "])
def test_nonsense_is_no_port(value):
    with pytest.raises(StackError, match=r"FRONTROW_PORT=.* is no port number"):
        settings.ports({"FRONTROW_PORT": value})


def test_two_parts_cannot_have_one_port():
    with pytest.raises(StackError, match="FRONTROW_API_PORT and FRONTROW_PORT are both 8000"):
        settings.ports({"FRONTROW_API_PORT": "8000"})


def test_a_taken_port_is_one_line_that_says_who_wants_it_and_what_changes_it():
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        chosen = settings.ports({"FRONTROW_QUEUE_PORT": str(port)})
        with pytest.raises(StackError) as caught:
            settings.check_free(chosen, ["queue"])
        line = f"port {port} is taken, and queue wants it: set FRONTROW_QUEUE_PORT"
        assert str(caught.value) == line
        settings.check_free(chosen, ["no part of this port"])


def test_free_ports_differ_and_lie_where_no_outgoing_connection_takes_one():
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(port in FREE_PORTS for port in ports)


def test_a_server_named_outside_wins():
    outside = {"DATABASE_URL": "postgresql://b@elsewhere/x"}
    assert settings.from_outside(LOCAL, {}, outside) == outside


def test_a_shell_that_took_our_own_lines_in_names_no_other_server():
    assert settings.from_outside(LOCAL, {}, dict(LOCAL)) == {}
    last = {"DATABASE_URL": "postgresql://a@h:1/x"}
    assert settings.from_outside(LOCAL, last, dict(last)) == {}


def test_empty_means_unset_but_for_kafka_where_it_means_without():
    outside = {"DATABASE_URL": "", "KAFKA_BOOTSTRAP_SERVERS": ""}
    assert settings.from_outside(LOCAL, {}, outside) == {"KAFKA_BOOTSTRAP_SERVERS": ""}


class TestPlan:
    """Which parts run here, for what the environment says and the machine has."""

    @pytest.fixture
    def plan(self, tmp_path, monkeypatch):
        for name in (*settings.SERVER_VARIABLES, "FRONTROW_URL"):
            monkeypatch.delenv(name, raising=False)
        data_dir = DataDir(tmp_path / "data").make()
        have = topology.Programs(kafka_jars=tmp_path, nginx=tmp_path / "nginx")

        def decide(found: topology.Programs = have, **environment: str) -> topology.Plan:
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            return topology.plan(data_dir, settings.ports({}), found, topology.Tools())

        yield decide
        data_dir.erase(downloads=True)

    def test_everything_runs_here(self, plan):
        made = plan()
        assert set(topology.PARTS) | {"setup"} == made.parts()
        assert made.absent == {}

    @pytest.mark.parametrize("role", ["cache", "lock", "queue"])
    def test_each_redis_can_be_elsewhere_on_its_own(self, plan, role):
        made = plan(**{f"REDIS_{role.upper()}_URL": "redis://elsewhere/0"})
        assert made.absent == {role: "external"}
        assert set(topology.PARTS) - made.parts() == {role}
        assert made.environment[f"REDIS_{role.upper()}_URL"] == "redis://elsewhere/0"

    def test_with_the_database_elsewhere_the_second_one_stays_and_reads_go_there(self, plan):
        made = plan(DATABASE_URL="postgresql://elsewhere/x")
        assert set(topology.PARTS) - made.parts() == {"replica"}
        assert made.environment["REPLICA_URL"] == "postgresql://elsewhere/x"

    def test_with_both_databases_elsewhere_no_server_starts(self, plan):
        made = plan(
            DATABASE_URL="postgresql://elsewhere/x",
            IDEMPOTENCY_DATABASE_URL="postgresql://elsewhere/i",
            REPLICA_URL="postgresql://elsewhere-2/x",
        )
        assert set(topology.PARTS) - made.parts() == {"primary", "replica"}
        assert made.environment["REPLICA_URL"] == "postgresql://elsewhere-2/x"

    @pytest.mark.parametrize("gateway", ["toss", "none"])
    def test_another_payment_gateway_replaces_the_sandbox(self, plan, gateway):
        made = plan(PAYMENT_GATEWAY=gateway, PAYMENT_GATEWAY_SECRET="test_sk_of_toss")
        assert made.absent == {"sandbox": "external"}
        assert set(topology.PARTS) - made.parts() == {"sandbox"}
        assert made.environment["PAYMENT_GATEWAY"] == gateway
        assert made.environment["PAYMENT_GATEWAY_SECRET"] == "test_sk_of_toss"
        # What leads to the sandbox leads nobody else there.
        assert "PAYMENT_GATEWAY_URL" not in made.environment
        assert "PAYMENT_WEBHOOK_SECRETS" not in made.environment
        report.table(made.environment)

    def test_the_sandbox_knows_its_own_secrets_and_no_others(self, plan):
        made = plan()
        [sandbox] = [one for one in made.services if one.part == "sandbox"]
        environment = sandbox.command().environment
        assert environment["SANDBOX_SECRET"] == made.environment["PAYMENT_GATEWAY_SECRET"]
        assert environment["SANDBOX_WEBHOOK_SECRET"] == made.environment["PAYMENT_WEBHOOK_SECRETS"]
        assert {"SECRET_KEY", "DATABASE_URL", "OPS_TOKEN"}.isdisjoint(environment)

    def test_without_maven_it_goes_on_without_kafka(self, plan, tmp_path):
        without = topology.Programs(StackError("no Maven"), tmp_path / "nginx")
        made = plan(without)
        assert made.absent == {"kafka": "off: no Maven; events wait in the outbox"}
        assert made.environment["KAFKA_BOOTSTRAP_SERVERS"] == ""

    def test_kafka_elsewhere_needs_no_maven(self, plan, tmp_path):
        without = topology.Programs(StackError("no Maven"), tmp_path / "nginx")
        made = plan(without, KAFKA_BOOTSTRAP_SERVERS="elsewhere:9092")
        assert made.absent == {"kafka": "external"}
        assert made.environment["KAFKA_BOOTSTRAP_SERVERS"] == "elsewhere:9092"

    def test_with_a_mail_server_elsewhere_no_letter_is_shown_here(self, plan):
        assert plan().environment["EMAIL_URL"] == "smtp://127.0.0.1:11025"
        made = plan(EMAIL_URL="smtp://elsewhere")
        assert made.absent == {"mail": "external"}
        assert (made.environment["EMAIL_URL"], made.environment["MAIL_URL"]) == (
            "smtp://elsewhere",
            "",
        )

    def test_without_nginx_the_api_is_the_entry(self, plan, tmp_path):
        made = plan(topology.Programs(tmp_path, StackError("no nginx")))
        assert made.absent == {
            "gateway": "off: no nginx; the API is the entry",
            "fastpath": "off: no gateway stands in front of it",
            "stream": "off: no gateway stands in front of it",
        }
        assert made.environment["STREAM_HEALTH_URL"] == ""
        assert made.environment["FRONTROW_URL"] == "http://127.0.0.1:8001"
        assert made.environment["TRUSTED_PROXY_COUNT"] == "0"

    def test_no_password_stands_in_a_command_line(self, plan):
        made = plan()
        secrets = [made.environment["SECRET_KEY"], made.environment["OPS_TOKEN"]]
        secrets += [made.environment["PAYMENT_GATEWAY_SECRET"]]
        secrets += [made.environment["PAYMENT_WEBHOOK_SECRETS"]]
        secrets += [made.environment["FLOWER_BASIC_AUTH"].partition(":")[2]]
        secrets += [made.environment["DATABASE_URL"].split(":")[2].partition("@")[0]]
        for service in made.services:
            command = service.command() if service.part not in {"kafka", "setup"} else None
            for secret in secrets:
                assert command is None or secret not in " ".join(command.argv)


def test_the_lines_for_a_shell_survive_any_value(tmp_path, monkeypatch, capsys):
    nasty = 'it\'s "$HOME" `id` \\ & ; \n done'
    monkeypatch.setenv("FRONTROW_DATA", str(tmp_path))
    data_dir = DataDir(tmp_path).make()
    write_json(data_dir.run / "local.json", {})
    monkeypatch.setenv("EMAIL_URL", "unused")
    monkeypatch.setenv("SECRET_KEY", nasty)
    assert cli.main(["env"]) == 0
    script = capsys.readouterr().out + 'printf %s "$SECRET_KEY"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env={}, check=True)
    assert done.stdout == nasty


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path):
    first = DataDir(tmp_path).make().secrets
    assert DataDir(tmp_path).secrets == first
    assert len(first["secret_key"]) >= 50
    assert len(set(first.values())) == len(first)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
