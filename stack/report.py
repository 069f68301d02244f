"""The texts for people: the table after the start, and the state of every part."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil

from stack.engine import Engine
from stack.process import Child, start_time
from stack.states import READY, State
from stack.topology import ALL_PARTS
from stack.unit import Unit

MIB = 1024 * 1024
OBSERVERS = {"Prometheus": "PROMETHEUS_URL", "Alertmanager": "ALERTMANAGER_URL"}


def table(environment: Mapping[str, str]) -> str:
    """Return the table of URLs and logins."""
    url = environment["FRONTROW_URL"]
    demo, admin = environment["FRONTROW_DEMO_PASSWORD"], environment["DEMO_ADMIN_PASSWORD"]
    flower = " / ".join(environment["FLOWER_BASIC_AUTH"].split(":", 1))
    rows = [
        ("Frontrow", f"{url}/", ""),
        ("API explorer", f"{url}/api/docs/", ""),
        ("Fans", f"{url}/_allauth/app/v1/auth/login", f"fan1@example.com to fan20 / {demo}"),
        ("Admin", f"{url}/admin/", f"{environment['DEMO_ADMIN_EMAIL']} / {admin}"),
        ("Metrics, health", f"{url}/metrics  {url}/healthz/ready", ""),
        ("Flower", environment["FLOWER_URL"] + "/", flower),
        *[
            (name, environment[variable] + "/", "")
            for name, variable in OBSERVERS.items()
            if variable in environment
        ],
        ("Mail", environment["MAIL_URL"] + "/" if environment["MAIL_URL"] else "external", ""),
        ("Primary", _without_login(environment["DATABASE_URL"]), "python -m stack env"),
        ("Replica", _without_login(environment["REPLICA_URL"]), "the same"),
        ("Idempotency", _without_login(environment["IDEMPOTENCY_DATABASE_URL"]), "the same"),
        *[
            (f"Redis {role}", _without_login(environment[f"REDIS_{role.upper()}_URL"]), "")
            for role in ("cache", "lock", "queue")
        ],
        ("Redis broker", _without_login(environment["CELERY_BROKER_URL"]), ""),
        ("Kafka", environment["KAFKA_BOOTSTRAP_SERVERS"] or "off", ""),
        *_gateway_of_payments(environment),
    ]
    return "\n" + columns(("What", "Where", "Login"), rows) + "\n"


def _gateway_of_payments(environment: Mapping[str, str]) -> list[tuple[str, str, str]]:
    if environment["PAYMENT_GATEWAY"] != "sandbox":
        return []
    return [("Payment sandbox", environment["PAYMENT_GATEWAY_URL"], "python -m stack env")]


def _without_login(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows under their heads, each column as wide as it needs to be."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, ["-" * width for width in widths], *rows]
    ]
    return "\n".join(lines)


def status(
    engine: Engine, absent: Mapping[str, str], started: float, complete: bool
) -> dict[str, Any]:
    """Return the state of every part and its processes, memory in bytes, times in seconds."""
    own = Child(os.getpid(), start_time(os.getpid()) or "")
    info = psutil.Process().memory_full_info()
    parts: list[dict[str, Any]] = []
    roles = _roles(engine)
    for name in ("setup", *ALL_PARTS):
        units = engine.part(name)
        if name in absent:
            parts.append({"part": name, "state": absent[name], "processes": []})
        elif units and not (name == "setup" and _state(units) == State.DONE):
            processes = [_process(unit) | roles.get(unit.name, {}) for unit in units]
            parts.append({"part": name, "state": _state(units), "processes": processes})
    memory = getattr(info, "pss", info.rss)
    total = memory + sum(process["memory"] for part in parts for process in part["processes"])
    return {
        "supervisor": {"pid": own.pid, "uptime": round(time.time() - started), "memory": memory},
        "complete": complete,
        "memory": total,
        "parts": parts,
    }


def _roles(engine: Engine) -> dict[str, dict[str, str]]:
    """Return the role of each process that has one; all are asked at a time."""
    units = [
        unit for unit in engine.units.values() if unit.state is State.RUNNING and not unit.paused
    ]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda unit: unit.service.standing(), units)
    return {unit.name: {"role": role} for unit, role in zip(units, found, strict=True) if role}


def _process(unit: Unit) -> dict[str, Any]:
    return {
        "name": unit.name,
        "state": "paused" if unit.paused else str(unit.state),
        "pid": unit.child.pid if unit.child else None,
        "restarts": unit.restarts,
        "uptime": round(time.monotonic() - unit.since) if unit.state in READY else None,
        "memory": unit.child.memory() if unit.child else 0,
        "last_error": unit.last_error,
    }


def _state(units: Sequence[Unit]) -> str:
    """Return the one state the processes share, else the one furthest from running."""
    order = [*(state for state in State if state not in READY), *READY]
    if any(unit.paused for unit in units):
        return "paused"
    return str(min((unit.state for unit in units), key=order.index))


def status_text(value: Mapping[str, Any]) -> str:
    """Return the reply to `status` as a table."""
    rows = []
    for part in value["parts"]:
        if not part["processes"]:
            rows.append((part["part"], "", part["state"], "", "", "", ""))
        for process in part["processes"]:
            uptime = process["uptime"]
            rows.append(
                (
                    part["part"],
                    process["name"],
                    process["state"] + (f", {process['role']}" if "role" in process else ""),
                    str(process["pid"] or ""),
                    str(process["restarts"]),
                    "" if uptime is None else f"{uptime} s",
                    f"{process['memory'] / MIB:.0f} MiB",
                )
            )
    supervisor = value["supervisor"]
    head = ("Part", "Process", "State", "Pid", "Restarts", "Up", "Memory")
    total = f"{value['memory'] / MIB:.0f} MiB"
    return (
        columns(head, rows)
        + f"\n\nSupervisor {supervisor['pid']}, up {supervisor['uptime']} s."
        + f" Memory of everything (proportional set size): {total}."
    )
