"""Which hosts are this machine."""

import pytest

from kernel import backends


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "", "/var/run/postgresql"]
)
def test_loopback_and_sockets_are_here(host):
    assert backends.is_here(host)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "db.internal", "0.0.0.0", "128.0.0.1", "localhost.example", "127.0.0.1.nip"],
)
def test_everything_else_is_elsewhere(host):
    assert not backends.is_here(host)


def test_one_host_elsewhere_among_several_counts():
    database = {"HOST": "127.0.0.1,db.internal", "PASSWORD": "x", "OPTIONS": {}}
    assert "db.internal" in backends.database_objection(database)
    assert "[2001:db8::1]" in backends.kafka_objection("[::1]:9092,[2001:db8::1]:9092", "PLAINTEXT")


@pytest.mark.parametrize(
    ("sslmode", "is_taken"), [("require", False), ("verify-ca", True), ("verify-full", True)]
)
def test_a_database_elsewhere_shows_a_certificate_that_is_checked(sslmode: str, is_taken: bool):
    database = {"HOST": "db.internal", "PASSWORD": "x", "OPTIONS": {"sslmode": sslmode}}
    found = backends.database_objection(database)
    assert ("certificate" not in found) is is_taken
    assert (found == "") is is_taken


@pytest.mark.parametrize(
    ("query", "is_taken"),
    [("", True), ("?ssl_cert_reqs=required", True), ("?ssl_cert_reqs=none", False),
     ("?ssl_cert_reqs=optional", False)],
)  # fmt: skip
def test_a_redis_elsewhere_shows_a_certificate_that_is_checked(query: str, is_taken: bool):
    found = backends.redis_objection(f"rediss://:pw@redis.internal/0{query}")
    assert ("certificate" not in found) is is_taken
    assert (found == "") is is_taken


def test_a_client_certificate_stands_for_the_password():
    options = {"sslmode": "verify-full", "sslcert": "/run/secrets/client.pem"}
    assert backends.database_objection({"HOST": "db.internal", "OPTIONS": options}) == ""


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("redis://127.0.0.1:6380/0", [("127.0.0.1", 6380)]),
        ("redis://:pw@cache/0", [("cache", 1)]),
        ("redis+cluster://u:p@a:1,b:2,c/0", [("a", 1), ("b", 2), ("c", 1)]),
        ("redis+cluster://[::1]:7,[2001:db8::1]/0", [("::1", 7), ("2001:db8::1", 1)]),
    ],
)
def test_a_url_may_name_several_places(url, places):
    assert backends.places_of(url, default_port=1) == places


def test_one_node_of_a_cluster_elsewhere_counts():
    assert "b.internal" in backends.redis_objection("redis+cluster://127.0.0.1:1,b.internal:2/0")
    assert backends.redis_objection("redis+cluster://127.0.0.1:1,[::1]:2/0") == ""
