"""The stack that a drill breaks: its own, with spare parts, and what it says of its parts."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import httpx
import psutil
from redis import Redis
from redis.cluster import ClusterNode, RedisCluster

from proof.rush.rehearsal import ROOT, Rehearsal
from stack import control_socket
from stack.data_dir import DataDir
from stack.postgres.cluster import SUPERUSER
from stack.profiles import HA, MEMBERS, NODES, VALKEY, Profile
from stack.service import HOST
from stack.settings import ports

_CALL_SECONDS = 60.0
_STANDINGS_OF_VALKEY = Counter({"master": 6, "replica": 6})
_STANDINGS = _STANDINGS_OF_VALKEY + Counter({"leader": 1, "standby": 2})
_RUNS = {"running", "done"}


class DrillSite(Rehearsal):
    """A stack with spare parts from `start` to `drop`; it runs the product in the folder `code`.

    `standings`: how many servers there are of each standing while all is well.
    """

    parts: ClassVar[Profile] = HA
    standings: ClassVar[Counter[str]] = _STANDINGS

    def __init__(self, code: Path = ROOT, *, observe: bool = False) -> None:
        super().__init__(profile=self.parts.name, observe=observe, code=code)
        self._profile = self.parts.observed() if observe else self.parts

    @cached_property
    def ports(self) -> dict[str, int]:
        """The port of each listener by its name."""
        return ports(self.environment, profile=self._profile)

    @cached_property
    def data(self) -> DataDir:
        """Where its secrets and its servers' files are."""
        return DataDir(self.site)

    def do(self, verb: str, *parts: str) -> None:
        """Have the stack kill, stop or start parts, all at once; raises `StackError`."""

        def ask(part: str) -> None:
            control_socket.send_request(self.data.run, {"do": verb, "part": part})

        with ThreadPoolExecutor(len(parts)) as at_once:
            list(at_once.map(ask, parts))

    def restart(self, *parts: str) -> None:
        """Stop each part in its orderly way and start it again, one after the other."""
        for part in parts:
            self.do("stop", part)
            self.do("start", part)

    def take(self, values: Mapping[str, str]) -> list[str]:
        """Give variables to what starts from now on; return the parts that have any of them."""
        request = {"do": "take", "environment": dict(values)}
        reply = control_socket.send_request(self.data.run, request)
        self.environment |= values
        return list(reply["parts"])

    def is_healthy(self) -> bool:
        """Say whether every process runs, and every server has its place among the others."""
        status = control_socket.send_request(self.data.run, {"do": "status"})
        processes = [one for part in status["parts"] for one in part["processes"]]
        roles = Counter(one["role"] for one in processes if "role" in one)
        return roles == self.standings and all(one["state"] in _RUNS for one in processes)

    # --- Valkey

    def cluster(self, role: str) -> RedisCluster:
        """Return a client of all nodes of a role."""
        nodes = [ClusterNode(HOST, self.ports[name]) for name in NODES[role]]  # type: ignore[no-untyped-call]
        return RedisCluster(startup_nodes=nodes, socket_timeout=2, socket_connect_timeout=2)

    def node(self, name: str) -> Redis:
        """Return a client of one node alone."""
        return Redis(host=HOST, port=self.ports[name], socket_timeout=1, socket_connect_timeout=1)

    def owner(self, role: str, key: str) -> tuple[str, str]:
        """Return the names of the master that has a key's slot, and of its replica."""
        names = {self.ports[name]: name for name in NODES[role]}
        cluster = self.cluster(role)
        try:
            slot = cluster.keyslot(key)  # type: ignore[no-untyped-call]
            master = cluster.nodes_manager.get_node_from_slot(slot)
            replicas = cluster.nodes_manager.slots_cache[slot][1:]
            return names[master.port], names[replicas[0].port]
        finally:
            cluster.close()

    # --- PostgreSQL

    def leader(self) -> str:
        """Return the name of the member that leads."""
        [found] = [one["name"] for one in self._members() if one["role"] == "leader"]
        return str(found)

    def standbys(self) -> list[str]:
        """Return the names of the members that follow."""
        return [str(one["name"]) for one in self._members() if one["role"] != "leader"]

    def _members(self) -> list[dict[str, Any]]:
        return list(self.patroni("GET", "/cluster").json()["members"])

    def patroni(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Ask the first Patroni that responds; raises `httpx.HTTPError` where none does."""
        login = ("patroni", self.data.secrets["patroni_password"])
        for place, member in enumerate(MEMBERS):
            url = f"http://{HOST}:{self.ports[member.replace('postgres', 'patroni')]}{path}"
            try:
                with httpx.Client(auth=login, timeout=_CALL_SECONDS, trust_env=False) as client:
                    return client.request(method, url, json=body)
            except httpx.HTTPError:
                if place == len(MEMBERS) - 1:
                    raise
        raise AssertionError("there are members")

    def superuser_of(self, member: str) -> str:
        """Return the address of a member's database for its superuser."""
        password = self.data.passwords.superuser
        return f"postgresql://{SUPERUSER}:{password}@{HOST}:{self.ports[member]}/frontrow"

    def patroni_process(self, member: str) -> psutil.Process:
        """Return a member's Patroni; raises LookupError where none runs."""
        own = str(self.data.home / f"{member}.json")
        for one in psutil.process_iter(["cmdline"]):
            if own in (one.info["cmdline"] or ()):
                return one
        raise LookupError(f"no Patroni of {member} runs")

    def postmaster(self, member: str) -> int:
        """Return the process id of a member's PostgreSQL."""
        return int((self.data.home / member / "postmaster.pid").read_text().split("\n", 1)[0])


class ValkeySite(DrillSite):
    """A stack of which only Valkey has spare parts, for drills that lose nothing else."""

    parts = VALKEY
    standings = _STANDINGS_OF_VALKEY
