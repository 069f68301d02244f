"""A real Prometheus that asks the processes of the acceptance site."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from stack import observers
from stack.data_dir import default_data
from stack.process import Tools
from stack.service import HOST, free_ports
from tests.support.site import Site
from tests.support.waiting import await_that

# Each job's listeners, by the names of their ports. The site has no exporter of state: its API
# says the state too.
JOBS = {
    "api": ("api",),
    "fastpath": ("fastpath-metrics", "fastpath-sale-metrics"),
    "stream": ("stream-metrics",),
    "workers": ("general", "promotion", "relay", "background"),
    "consumers": ("consumers",),
    "state": ("api",),
}


@contextmanager
def prometheus(
    site: Site, folder: Path, *, jobs: Mapping[str, Sequence[str]] = JOBS, drop: str = "nothing"
) -> Iterator[str]:
    """Run a Prometheus until the block ends, and yield its URL once it has asked everybody.

    `jobs` says whom it asks, `drop` which series (a regular expression of names) it leaves out.
    """
    folder.mkdir()
    program = observers.PROMETHEUS.path(default_data() / "downloads", Tools())
    [port] = free_ports(1)
    scrapes = [
        {
            "job_name": job,
            "static_configs": [{"targets": [f"{HOST}:{site.port(name)}" for name in names]}],
            "authorization": {"credentials": site.exports["OPS_TOKEN"]},
            "metric_relabel_configs": [
                {"source_labels": ["__name__"], "regex": drop, "action": "drop"}
            ],
        }
        for job, names in jobs.items()
    ]
    configuration = {"global": {"scrape_interval": "1s"}, "scrape_configs": scrapes}
    (folder / "configuration.yml").write_text(json.dumps(configuration))
    argv = [
        *(str(program), f"--config.file={folder}/configuration.yml"),
        *(f"--storage.tsdb.path={folder}/data", f"--web.listen-address={HOST}:{port}"),
        f"--web.local-assets={program.parents[1] / 'share' / 'prometheus' / 'web'}",
        "--log.level=error",
    ]
    url = f"http://{HOST}:{port}"
    running = subprocess.Popen(argv, cwd=folder)
    try:
        count = sum(map(len, jobs.values()))
        await_that(lambda: _asked(url) == count, "everybody has been asked", seconds=60)
        yield url
    finally:
        running.terminate()
        running.wait(30)


def _asked(url: str) -> int:
    """Return how many have responded."""
    try:
        said = httpx.get(f"{url}/api/v1/query", params={"query": "count(up == 1)"}, timeout=5)
        found = said.json()["data"]["result"]
    except (httpx.TransportError, ValueError, KeyError):
        return 0
    return int(found[0]["value"][1]) if found else 0
