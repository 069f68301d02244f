"""The configuration files of the servers."""

import re

import pytest

from stack import gateway, report
from stack.gateway.server import TEMPLATE, render
from stack.postgres import settings
from stack.valkey import ROLES, Valkey

GIB = 1024**3


def test_postgres_takes_a_modest_share_of_any_machine():
    small, large = settings.memory_settings(2 * GIB), settings.memory_settings(512 * GIB)
    assert small["shared_buffers"] == "64MB"
    assert large["shared_buffers"] == "256MB"


def test_postgres_settings_are_quoted():
    assert "x = 'it''s'\n" in settings.render({"x": "it's"})


def test_postgres_listens_to_this_machine_alone_and_bounds_what_a_slot_keeps():
    made = settings.server_settings(port=5, memory=GIB, durable=True)
    assert made["listen_addresses"] == "127.0.0.1"
    assert made["wal_level"] == "replica"
    assert made["max_slot_wal_keep_size"] == "512MB"
    assert "fsync" not in made


def test_servers_that_need_not_survive_a_power_cut_still_commit_in_order():
    made = settings.server_settings(port=5, memory=GIB, durable=False)
    assert made["fsync"] == "off"
    assert "synchronous_commit" not in made


def test_everybody_needs_a_password():
    rules = [line.split() for line in settings.ACCESS.splitlines() if not line.startswith("#")]
    assert rules
    assert {rule[-1] for rule in rules} == {"scram-sha-256"}
    assert {rule[3] for rule in rules} == {"127.0.0.1/32"}


@pytest.mark.parametrize("role", ROLES)
def test_each_valkey_role_keeps_what_it_promises(role, tmp_path):
    lines = Valkey(role, 5, tmp_path).configuration().splitlines()
    keeps = role != "cache"
    assert f"maxmemory-policy {'noeviction' if keeps else 'allkeys-lru'}" in lines
    assert f"appendonly {'yes' if keeps else 'no'}" in lines
    assert "bind 127.0.0.1" in lines


def test_the_gateway_has_a_value_for_every_word_of_its_template():
    words = set(re.findall(r"\$\{([A-Z_]+)\}", TEMPLATE.read_text()))
    made = render({word: f"<{word}>" for word in words})
    assert not re.search(r"\$\{[A-Z]", made)
    assert "$http_host" in made
    with pytest.raises(KeyError):
        render({})


def test_the_gateway_steps_down_from_root(tmp_path):
    from stack.os_users import OsUser

    os_user = OsUser("nobody", 65534, 0)
    assert "user nobody" in _gateway_conf(tmp_path, os_user)
    assert not re.search(r"^user ", _gateway_conf(tmp_path, None), re.MULTILINE)


def _gateway_conf(folder, os_user) -> str:
    names = {"static": folder / "static", "media": folder / "media"}
    places = {"home": folder, "access_log": folder / "access.log", **names}
    behind = gateway.Upstreams({"api": 6}, {"fastpath": 7}, {"fastpath-sale": 8}, 9)
    made = gateway.NginxGateway(folder / "nginx", 5, behind, os_user=os_user, **places)
    return made.configuration()


def test_a_table_is_as_wide_as_it_needs_to_be():
    made = report.columns(("a", "b"), [("longer", "x"), ("", "y")])
    assert made.splitlines() == ["a       b", "------  -", "longer  x", "        y"]


def test_the_table_shows_no_database_password():
    assert report._without_login("postgresql://u:secret@h:1/d") == "postgresql://h:1/d"
    assert report._without_login("redis://h:1/0") == "redis://h:1/0"
