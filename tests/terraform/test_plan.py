"""Production as a whole, planned against a double of AWS: what holds across modules."""

import re
from ipaddress import ip_network

import pytest

from deploy.tools.build import ROOT
from tests.delivery.objects import load
from tests.terraform.double import double, resources

# Each command starts a provider of 700 MB: a machine with much else to do takes its time.
pytestmark = pytest.mark.timeout(900)

TABLE = re.compile(r"<!-- groups -->(.*?)<!-- end -->", re.DOTALL)
RULE = "aws_vpc_security_group_ingress_rule"
# Which door a rule's address stands for.
DOORS = {
    "module.region.module.postgres.": "PostgreSQL",
    "module.region.module.idempotency.": "idempotency",
    "module.region.module.valkey.": "Valkey",
    "module.region.module.kafka.": "Kafka",
    "module.region.module.network.": "AWS's endpoints",
    f"module.region.{RULE}.balancer": "balancer",
    f"module.region.{RULE}.gateway": "nodes",
}


@pytest.fixture(scope="module")
def plan():
    with double("production") as site:
        yield site.plan()


@pytest.fixture(scope="module")
def planned(plan):
    return list(resources(plan))


def of_type(planned, kind):
    return [one for one in planned if one["type"] == kind]


def written():
    """Return the table of docs/infra.md: door, port, who comes in."""
    text = TABLE.search((ROOT / "docs" / "infra.md").read_text())[1]
    rows = [line.strip("| ").split(" | ") for line in text.strip().splitlines()[2:]]
    return {(door, int(port), who) for door, port, who in rows}


def opened(planned):
    """Return what the security groups let in, in the words of the table."""
    found = set()
    for rule in of_type(planned, RULE):
        [door] = [name for start, name in DOORS.items() if rule["address"].startswith(start)]
        values = rule["values"]
        assert values["from_port"] == values["to_port"]
        found.add((door, values["from_port"], _who(rule)))
    return found


def _who(rule):
    address = rule["address"]
    if 'this["' in address:
        return {"nodes": "nodes", "rotation": "rotation"}[address.split('"')[-2]]
    return {"balancer": "CloudFront", "gateway": "balancer"}.get(address.split(".")[-1], "nodes")


def test_the_security_groups_are_those_of_the_page(planned):
    assert opened(planned) == written()


@pytest.mark.control
def test_control_a_door_that_no_page_names_is_seen(planned):
    rule = next(one for one in of_type(planned, RULE) if "valkey" in one["address"])
    other = {**rule, "values": {**rule["values"], "from_port": 22, "to_port": 22}}
    assert opened([*planned, other]) != written()


def test_the_ports_are_those_that_the_chart_speaks_to(planned):
    golden = load((ROOT / "tests" / "delivery" / "golden" / "production.yaml").read_text())
    asked = {
        port["port"]
        for one in golden
        if one["kind"] == "NetworkPolicy"
        for rule in one["spec"].get("egress", [])
        for port in rule.get("ports", [])
    }
    doors = {port for door, port, _ in opened(planned) if door not in {"nodes", "balancer"}}
    assert doors <= asked


def test_nobody_comes_in_from_everywhere(planned):
    for kind in (RULE, "aws_security_group", "aws_security_group_rule"):
        for one in of_type(planned, kind):
            assert "0.0.0.0/0" not in str(one["values"]), one["address"]
            assert "::/0" not in str(one["values"]), one["address"]


def test_data_is_kept_encrypted_and_protected(planned):
    clusters = of_type(planned, "aws_rds_cluster")
    assert len(clusters) == 2
    for one in clusters:
        assert one["values"]["storage_encrypted"]
        assert one["values"]["deletion_protection"]
        assert one["values"]["backup_retention_period"] == 35
    groups = of_type(planned, "aws_elasticache_replication_group")
    assert len(groups) == 4
    assert all(one["values"]["transit_encryption_enabled"] for one in groups)
    assert len(of_type(planned, "aws_msk_cluster")) == 1


def test_everything_carries_its_tags(planned):
    # What is known after the apply alone has no values yet.
    tags = {one["address"]: one.get("values", {}).get("tags_all") for one in planned}
    tagged = {address: words for address, words in tags.items() if words is not None}
    assert len(tagged) > 100
    for address, words in tagged.items():
        assert (words["project"], words["environment"]) == ("frontrow", "production"), address


def test_the_networks_are_those_of_the_charts_values(planned):
    values = (ROOT / "helm" / "frontrow" / "values-production.yaml").read_text()
    subnets = {
        one["values"]["cidr_block"]: one["name"] for one in planned if one["type"] == "aws_subnet"
    }
    trusted = re.search(r"trustedProxies: \[(.*?)\]", values)[1].split(", ")
    assert {one for one, name in subnets.items() if name == "public"} == set(trusted)
    data = re.search(r"postgres: &data\n    peers: \[\{ipBlock: \{cidr: (.*?)\}", values)[1]
    isolated = [ip_network(one) for one, name in subnets.items() if name == "isolated"]
    assert len(isolated) == 3
    assert all(one.subnet_of(ip_network(data)) for one in isolated)
    others = [ip_network(one) for one, name in subnets.items() if name != "isolated"]
    assert not any(one.overlaps(ip_network(data)) for one in others)
