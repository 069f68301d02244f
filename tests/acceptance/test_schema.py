"""The running site keeps to its OpenAPI document for every caller and input.

schemathesis makes valid and invalid requests from the document and checks every answer against it.
What it can't guess (ids, tokens, passes, free seats) is given to it by a `World` made for each
role, so that every operation also answers 2xx. The record of who got which status is kept and
asserted.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation, BaseSchema

from tests.support.shopper import Shopper
from tests.support.site import Fan, Sale, Site

SEED = 20_261_121
# Of each way of generating, for an operation and a role; `make contract` takes more.
EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "5"))
ROLES = ("nobody", "fan", "staff")
CHECKED = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
)
POINTS = 2_000_000
# Operations that need a live hold of their own, not the one that was paid.
HOLDS = {
    "DELETE /api/v1/reservations/{}/": "releasable",
    "POST /api/v1/reservations/{}/extend/": "extendable",
}
# What needs other rights, a page of the gateway, a signature or minutes, has tests of its own.
NEEDS_MORE = re.compile(
    r"/checkins/|/webhook|admission-list|/confirm/|/abandon/|/cancel|/offer/|/draw/roster/"
    r"|^DELETE /api/v1/me/$"
)
MAY_BE_UNAVAILABLE = {
    "gateway_unavailable"
}  # no way to pay by card yet; nothing else is unavailable here


@dataclass
class World:
    """What one role can name: things that exist, and that are its own where they have an owner."""

    headers: dict[str, str]
    ids: dict[str, str]
    open_sale: Sale
    passes: dict[str, str] = field(default_factory=dict)
    seats: Iterator[str] = field(default_factory=lambda: iter(()))
    shopper: Shopper | None = None

    def path_of(self, operation: APIOperation) -> dict[str, str]:
        """Return a value for each parameter of the address."""
        names = re.findall(r"{([^}]*)}", operation.path)
        # What has no owner in this world is asked for by an id of nothing.
        found = {name: self.ids.get(name) or str(uuid4()) for name in names}
        if re.search("/(queue|draw)/", operation.path):
            found["performance_id"] = self.ids["queue"]
        if hold := HOLDS.get(label_of(operation)):
            found["reservation_id"] = self.ids[hold]
        return found

    def headers_of(self, operation: APIOperation) -> dict[str, str]:
        """Return the headers that can't be guessed, as far as the operation knows them."""
        known = {
            "X-Queue-Token": self.passes.get("queue", "x"),
            "Idempotency-Key": f"schema-{uuid4()}",
        }
        wanted = {parameter.name for parameter in operation.headers}
        return {name: value for name, value in known.items() if name in wanted}

    def body_of(self, label: str) -> dict[str, Any] | None:
        """Return a body that must be taken."""
        if label == "POST /api/v1/reservations/":
            performance = self.open_sale.performance_id
            return {"performance_id": performance, "seat_ids": [next(self.seats)]}
        if label == "POST /api/v1/payments/":
            return {"reservation_id": self.ids["payable"], "method": "POINTS"}
        if label == "POST /api/v1/points/charges/":
            return {"amount": 1000}
        return None


def build_world(site: Site, role: str) -> World:
    """Make what a role needs, by its own hands wherever it has any."""
    room = site.sale(seats=2, queue={"rate_per_second": 1000, "capacity": 1000})
    open_sale = site.sale(seats=600, row_length=30, max_seats_per_fan=20)
    world = World(
        headers={},
        ids={
            "concert_id": open_sale.concert_id,
            "performance_id": open_sale.performance_id,
            "queue": room.performance_id,
        },
        open_sale=open_sale,
        seats=iter(open_sale.seat_ids[10:]),
    )
    owner = _owner(site, role)
    if role != "nobody":
        world.headers["Authorization"] = f"Bearer {owner.access_token}"
    shopper = world.shopper = Shopper(site, owner)
    charged = shopper.send(
        "POST",
        "/points/charges/",
        json={"amount": POINTS},
        headers={"Idempotency-Key": str(uuid4())},
    )
    world.ids["charge_id"] = charged.json()["id"]
    bought = shopper.hold(open_sale.performance_id, open_sale.seat_ids[:1]).json()
    world.ids["payment_id"] = shopper.pay(bought["id"]).json()["id"]
    world.ids["reservation_id"] = bought["id"]
    world.ids["ticket_id"] = shopper.send("GET", "/tickets/").json()["results"][0]["id"]
    for place, name in enumerate(("payable", *HOLDS.values()), start=1):
        seat = open_sale.seat_ids[place]
        world.ids[name] = shopper.hold(open_sale.performance_id, [seat]).json()["id"]
    world.passes["queue"] = shopper.join(room.performance_id)["pass"]
    return world


def _owner(site: Site, role: str) -> Fan:
    if role != "staff":
        [fan] = site.fans(1)
        return fan
    answer = site.http().post(
        "/_allauth/app/v1/auth/login",
        json={
            "email": site.env["DEMO_ADMIN_EMAIL"],
            "password": site.env["DEMO_ADMIN_PASSWORD"],
        },
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return Fan(
        body["data"]["user"]["email"], body["data"]["user"]["id"], body["meta"]["access_token"]
    )


@pytest.fixture(scope="module")
def document(site: Site) -> BaseSchema:
    generation = GenerationConfig(
        max_examples=EXAMPLES,
        deterministic=True,
        with_security_parameters=False,  # who asks is the role's affair
    )
    project = ProjectConfig(generation=generation, base_url=site.url, max_stream_events=1)
    config = SchemathesisConfig(seed=SEED, projects=ProjectsConfig(default=project))
    return schemathesis.openapi.from_url(f"{site.url}/api/schema/?format=json", config=config)


def label_of(operation: APIOperation) -> str:
    return f"{operation.method.upper()} {re.sub('{[^}]*}', '{}', operation.path)}"


class Probe:
    """Sends cases as one role and keeps what became of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.session = requests.Session()
        self.session.trust_env = False
        self.checks = CHECKS.get_by_names(CHECKED)
        self.seen: dict[str, Counter[int]] = defaultdict(Counter)
        self.failures: dict[str, str] = {}

    def send(self, case: schemathesis.Case) -> int:
        """Send one case; a failed check is kept, the first of its sort for each operation."""
        label = label_of(case.operation)
        answer = case.call(session=self.session, headers=self.world.headers)
        self.seen[label][answer.status_code] += 1
        if answer.status_code >= 500 and answer.json()["code"] not in MAY_BE_UNAVAILABLE:
            self.failures[f"{label}: {answer.status_code}"] = case.as_curl_command()
        try:
            case.validate_response(
                answer,
                checks=self.checks,
                headers=self.world.headers,
                transport_kwargs={"session": self.session, "headers": self.world.headers},
            )
        except FailureGroup as group:
            for failure in group.exceptions:
                title = f"{label}: {failure.title} ({answer.status_code})"
                self.failures.setdefault(title, f"{failure}\n{case.as_curl_command()}")
        return answer.status_code

    def prepared(self, operation: APIOperation) -> int:
        """Send the one request that has to succeed."""
        body = self.world.body_of(label_of(operation))
        case = operation.Case(
            path_parameters=self.world.path_of(operation),
            headers=self.world.headers_of(operation),
            **({"body": body, "media_type": "application/json"} if body else {}),
        )
        return self.send(case)

    def generated(self, operation: APIOperation) -> None:
        """Send what schemathesis makes up: valid and invalid, with real ids and without."""
        real = {
            "path_parameters": self.world.path_of(operation),
            "headers": self.world.headers_of(operation),
        }
        positive, negative = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
        ways = [operation.as_strategy(generation_mode=positive, **real)]
        ways.append(operation.as_strategy(generation_mode=positive))
        if any(operation.iter_parameters()) or operation.body:
            ways.append(operation.as_strategy(generation_mode=negative))
        for way in ways:
            self._run(way)

    def _run(self, way: st.SearchStrategy[schemathesis.Case]) -> None:
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],  # a failure is kept, not shrunk
            suppress_health_check=list(HealthCheck),
        )
        @given(case=way)
        def go(case: schemathesis.Case) -> None:
            self.send(case)

        go()


@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_in_the_document(
    site: Site, document: BaseSchema, role: str, record_property
):
    operations = [result.ok() for result in document.get_all_operations()]
    assert len(operations) > 20
    probe = Probe(build_world(site, role))
    # Leaving comes last: the others need what it takes away.
    operations.sort(key=lambda operation: operation.method == "delete")
    answered = {label_of(operation): probe.prepared(operation) for operation in operations}
    for operation in operations:
        probe.generated(operation)

    for label, statuses in sorted(probe.seen.items()):
        record_property(label, dict(sorted(statuses.items())))
    assert not probe.failures, "\n\n".join(probe.failures.values())
    public = {label_of(one) for one in operations if not _asks_for_a_login(one)}
    meant = {label for label in answered if not NEEDS_MORE.search(label)}
    meant = meant if role != "nobody" else {label for label in meant if label in public}
    without = {label: answered[label] for label in meant if not 200 <= answered[label] < 300}
    assert without == {}
    if role == "nobody":
        assert {answered[label] for label in answered.keys() - public} == {401}


def _asks_for_a_login(operation: APIOperation) -> bool:
    return any(operation.definition.raw.get("security", ()))
