"""What Prometheus asks, made of the ports of the stack that runs, and where it sends alerts.

Labels of a target: `job`, `instance` (the part's or process's name) and, of Valkey, `role`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stack.application import WORKERS
from stack.entrance import FASTPATH
from stack.errors import StackError
from stack.profiles import MEMBERS, NODES, Profile
from stack.service import HOST
from stack.valkey import ROLES

# The rush of a sale is over in seconds, and alerts wait for as little as fifteen of them.
SCRAPE_EVERY = "5s"


def configuration(
    ports: Mapping[str, int], profile: Profile, names: Iterable[str], *, rules: Path, token: Path
) -> str:
    """Return Prometheus's configuration (JSON, which is YAML) for the services in `names`.

    `token` is the file with the operators' token; the rules lie in the folder `rules`, if any do.
    """
    return json.dumps(
        {
            "global": {"scrape_interval": SCRAPE_EVERY, "evaluation_interval": SCRAPE_EVERY},
            "rule_files": [str(rules / "*.yml")],
            "alerting": {
                "alertmanagers": [
                    {"static_configs": [{"targets": [f"{HOST}:{ports['alertmanager']}"]}]}
                ]
            },
            "scrape_configs": _jobs(ports, profile, set(names), token),
        },
        indent=1,
    )


def _jobs(
    ports: Mapping[str, int], profile: Profile, names: set[str], token: Path
) -> list[dict[str, Any]]:
    def job(name: str, instances: Mapping[str, str], **more: Any) -> dict[str, Any]:
        """Return a job; `instances` lead from the name of a service to the port it shows."""
        targets = [
            {"targets": [f"{HOST}:{ports[port]}"], "labels": {"instance": instance}}
            for instance, port in instances.items()
            if instance in names
        ]
        return {"job_name": name, "static_configs": targets, **more}

    of_fastpath = {
        f"{kind}{part.removeprefix('fastpath')}": f"{kind}-metrics{part.removeprefix('fastpath')}"
        for part in profile.instances("fastpath")
        for kind in FASTPATH
    }
    brokers = {one: f"kafka-jmx{one.removeprefix('kafka')}" for one in profile.instances("kafka")}
    operator = {"authorization": {"credentials_file": str(token)}}
    # Patroni says who leads and follows; etcd is where the members agree on it.
    patroni = {one: f"patroni-{number}" for number, one in enumerate(MEMBERS, 1)}
    # Through the gateway, to see that somebody is behind it: the figures are those of job api.
    nothing = [{"source_labels": ["__name__"], "regex": ".*", "action": "drop"}]
    way = {"scrape_interval": "15s", "metric_relabel_configs": nothing, **operator}
    jobs = [
        job("gateway", {"gateway": "gateway"}, **way),
        job("api", {one: one for one in profile.instances("api")}, **operator),
        job("fastpath", of_fastpath),
        job("stream", {"stream": "stream-metrics"}),
        job("workers", {f"worker-{name}": name for name in WORKERS}),
        job("consumers", {"consumers": "consumers"}),
        job("state", {"state-metrics": "state-metrics"}),
        _postgres(ports, profile, names),
        _valkey(ports, profile, names),
        job("kafka", brokers),
        job("patroni", patroni),
        job("etcd", {"etcd": "etcd"}),
        job("node", {"node-exporter": "node-exporter"}),
        job("nginx", {"nginx-exporter": "nginx-exporter"}),
        job("prometheus", {"prometheus": "prometheus"}),
        job("alertmanager", {"alertmanager": "alertmanager"}),
    ]
    return [one for one in jobs if one["static_configs"]]


def _postgres(ports: Mapping[str, int], profile: Profile, names: set[str]) -> dict[str, Any]:
    """Return the job of PostgreSQL's servers: an exporter each, called as its server is."""
    targets = [
        {"targets": [f"{HOST}:{ports[f'exporter-{server}']}"], "labels": {"instance": server}}
        for server in profile.postgres()
        if f"exporter-{server}" in names
    ]
    # It names the server by its address, which says less than the instance.
    plain = [{"regex": "server", "action": "labeldrop"}]
    return {"job_name": "postgres", "static_configs": targets, "metric_relabel_configs": plain}


def _valkey(ports: Mapping[str, int], profile: Profile, names: set[str]) -> dict[str, Any]:
    """Return the job of Valkey's servers: one exporter asks them all."""
    targets = [
        {
            "targets": [f"redis://{HOST}:{ports[node]}"],
            "labels": {"instance": node, "role": role},
        }
        for role in ROLES
        for node in (NODES[role] if profile.replaces(role) else (role,))
        if node in names and "redis-exporter" in names
    ]
    exporter = f"{HOST}:{ports['redis-exporter']}"
    return {
        "job_name": "valkey",
        "metrics_path": "/scrape",
        "static_configs": targets,
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"target_label": "__address__", "replacement": exporter},
        ],
    }


def alerting(webhook: str) -> str:
    """Return Alertmanager's configuration: alerts go to `webhook`, nowhere if it is empty.

    Raises StackError where that is no URL of a web server.
    """
    receiver: dict[str, Any] = {"name": "operators"}
    if webhook:
        parts = urlsplit(webhook)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StackError("ALERT_WEBHOOK_URL is no http or https URL")
        receiver["webhook_configs"] = [{"url": webhook, "send_resolved": True}]
    route = {
        "receiver": "operators",
        "group_by": ["alertname"],
        "group_wait": "5s",
        "group_interval": "10s",
        "repeat_interval": "4h",
    }
    return json.dumps({"route": route, "receivers": [receiver]}, indent=1)
