"""Whether what runs is what was wished for, and can be watched: `python -m release verify`.

Four things are looked at: that the site is ready, that every process runs one release, that the
databases have the migrations of that release and no others, and that Prometheus has what the
cluster is scaled by and releases are judged by. Each says what is wrong in words, or that it could
not be asked.
"""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from observability import analysis, live, scaling
from observability.promql import metrics_in

# Processes that speak for a release, as Prometheus calls their jobs in every environment.
JOBS = ("api", "fastpath", "stream", "workers", "consumers", "state")
PAUSE_SECONDS = 5.0
_TIMEOUT_SECONDS = 20

Query = Callable[[str], list[dict[str, Any]]]
Migrations = Callable[[], Mapping[str, Mapping[str, list[str]]]]


class CannotAsk(Exception):
    """Somebody who knows can't be reached; the message says who and why."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look has found: what is `wrong`, or why nothing is known (`unknown`)."""

    at: str
    wrong: tuple[str, ...] = ()
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """Where to ask: the site's URL with the operators' token (may be ""), and who knows the rest.

    `migrations` returns of each database what is `pending` and what is `unknown`.
    """

    url: str
    token: str
    query: Query
    migrations: Migrations


def look(site: Site, expect: str) -> list[Looked]:
    """Look at everything once; `expect` is the release, or "" where all only have to agree."""
    return [
        _looked("readiness", lambda: _not_ready(site.url, site.token)),
        _looked("version", lambda: _other_versions(site.query, expect)),
        _looked("migrations", lambda: _other_migrations(site.migrations)),
        _looked("metrics", lambda: _unseen(site.query)),
    ]


def await_right(
    site: Site,
    expect: str,
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> list[Looked]:
    """Look again until all is right, for `seconds` at most; return what was seen last."""
    until = clock() + seconds
    while True:
        seen = look(site, expect)
        if exit_code(seen) == 0 or clock() >= until:
            return seen
        pause(PAUSE_SECONDS)


def exit_code(seen: list[Looked]) -> int:
    """Return 0: all is right; 1: something is wrong; 2: something could not be asked."""
    if any(one.wrong for one in seen):
        return 1
    return 2 if any(one.unknown for one in seen) else 0


def needed_series() -> set[str]:
    """Return the metrics that pods are scaled by and releases are judged by, on a site in use."""
    judged = [one.query for ones in analysis.MEASURES.values() for one in ones]
    scaled = [query for ones in scaling.QUERIES.values() for query in ones.values()]
    names = {name for query in (*judged, *scaled, analysis.REQUESTS) for name in metrics_in(query)}
    return {
        name
        for name in names
        if not any(re.fullmatch(pattern, name) for pattern in live.MAY_BE_ABSENT)
    }


def _looked(at: str, wrong: Callable[[], list[str]]) -> Looked:
    try:
        return Looked(at, tuple(wrong()))
    except CannotAsk as error:
        return Looked(at, unknown=str(error))


def _not_ready(url: str, token: str) -> list[str]:
    status, body = _get(f"{url}/healthz/ready", token)
    if status != 200:
        return [f"the site is not ready: {status} {body.get('reason', '')}".strip()]
    if token and "parts" not in body:
        return ["the site refuses the operators' token"]
    parts: dict[str, dict[str, str]] = body.get("parts", {})
    down = {name: part for name, part in parts.items() if part["state"] == "down"}
    return [f"{name} is down: {part['detail']}" for name, part in sorted(down.items())]


def _get(url: str, token: str) -> tuple[int, dict[str, Any]]:
    if not url.startswith(("http://", "https://")):
        raise CannotAsk(f"{url} is no http(s) URL")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  (checked above)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        try:
            return error.code, dict(json.load(error))
        except ValueError:  # of somebody before the site
            return error.code, {}
    except (OSError, ValueError) as error:
        raise CannotAsk(f"{url}: {error}") from error


def _other_versions(query: Query, expect: str) -> list[str]:
    found: dict[str, dict[str, int]] = {job: {} for job in JOBS}
    for one in query("count by (job, version) (frontrow_release_info)"):
        labels = one["metric"]
        job, version = labels.get("job", ""), labels.get("version", "")
        found.setdefault(job, {})[version] = int(float(one["value"][1]))
    wrong = [f"no process of {job} says its release" for job, those in found.items() if not those]
    versions = {version for those in found.values() for version in those}
    if expect:
        wrong += [
            f"{count} of {job} run {version}, not {expect}"
            for job, those in found.items()
            for version, count in sorted(those.items())
            if version != expect
        ]
    elif len(versions) > 1:
        wrong.append(f"several releases run: {', '.join(sorted(versions))}")
    return wrong


def _other_migrations(migrations: Migrations) -> list[str]:
    says = {
        "pending": "is not applied",
        "unknown": "is applied, and this release does not know it",
    }
    return [
        f"{database}: {name} {says[kind]}"
        for database, kinds in sorted(migrations().items())
        for kind, names in kinds.items()
        for name in names
    ]


def _unseen(query: Query) -> list[str]:
    jobs = "|".join(JOBS)
    silent = query(f'count by (job) (up{{job=~"{jobs}"}} == 0)')
    wrong = [f"{one['value'][1]} of {one['metric']['job']} do not respond" for one in silent]
    needed = needed_series()
    there = query(f'count by (__name__) ({{__name__=~"{"|".join(sorted(needed))}"}})')
    absent = needed - {one["metric"]["__name__"] for one in there}
    return wrong + [f"Prometheus has no {name}" for name in sorted(absent)]
