"""Who stands behind the gateway, and nginx's lines that say so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from stack.service import HOST

# One that did not answer is left alone for 2 s: the others do its work.
_FAILING = "max_fails=1 fail_timeout=2s"
_KEPT = "keepalive 128; keepalive_requests 100000; keepalive_timeout 60s;"


@dataclass(frozen=True)
class Upstreams:
    """The ports behind the gateway by the name of the service that listens there.

    Where there are several of a kind they take turns. `fastpath` answers those who wait,
    `fastpath_sale` those who buy; the API takes over where none of a kind does.
    """

    api: Mapping[str, int]
    fastpath: Mapping[str, int]
    fastpath_sale: Mapping[str, int]
    stream: int

    def names(self) -> tuple[str, ...]:
        """Return the names of the services behind the gateway."""
        return (*self.api, *self.fastpath, *self.fastpath_sale, "stream")

    def words(self, drained: Path) -> dict[str, str]:
        """Return the words of the template; a file in `drained` takes the service it names out."""
        # A single API is asked even after a failure: nobody else could answer.
        api = _FAILING if len(self.api) > 1 else "max_fails=0"
        backups = _servers(self.api, "backup")
        kinds = (
            _Kind("api", "api", self.api, api),
            _Kind("fastpath", "fastpath", self.fastpath, _FAILING, backups),
            _Kind("fastpath_sale", "sale", self.fastpath_sale, _FAILING, backups),
        )
        return {
            "API_SERVERS": _servers(self.api, api),
            "API_BACKUPS": backups,
            "FASTPATH_SERVERS": _servers(self.fastpath, _FAILING),
            "FASTPATH_SALE_SERVERS": _servers(self.fastpath_sale, _FAILING),
            "KEPT_CONNECTIONS": _KEPT,
            "STREAM": f"{HOST}:{self.stream}",
            "REDUCED_UPSTREAMS": "\n    ".join(line for kind in kinds for line in kind.reduced()),
            "DRAINED": "\n        ".join(line for kind in kinds for line in kind.drained(drained)),
        }


@dataclass(frozen=True)
class _Kind:
    """The servers of one kind. See Note [Drained servers] in nginx.conf.template."""

    upstream: str
    variable: str
    ports: Mapping[str, int]
    how: str
    backups: str = ""

    def reduced(self) -> Iterator[str]:
        """Yield an upstream for each choice of servers that are taken out, save all of them.

        Where all are it stays as it is: they were the last ones that could answer.
        """
        for count in range(1, len(self.ports) + 1) if len(self.ports) > 1 else ():
            for out in combinations(self.ports, count):
                left = {name: port for name, port in self.ports.items() if name not in out}
                name = "_without_".join((self.upstream, *out))
                servers = f"{_servers(left or self.ports, self.how)} {self.backups}".rstrip()
                yield f"upstream {name} {{ zone {name} 64k; {servers} {_KEPT} }}"

    def drained(self, folder: Path) -> Iterator[str]:
        """Yield the lines that choose the upstream of a request, where there is a choice."""
        servers = f"{self.variable}_servers"
        for name in self.ports if len(self.ports) > 1 else ():
            yield f'if (-f "{folder / name}") {{ set ${servers} "${{{servers}}}_without_{name}"; }}'


def _servers(ports: Mapping[str, int], how: str) -> str:
    return "\n        ".join(f"server {HOST}:{port} {how};" for port in ports.values())
