"""Who stands behind the gateway, and nginx's lines that say so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from stack.service import HOST

# One that did not answer is left alone for 2 s: the others do its work.
_FAILING = "max_fails=1 fail_timeout=2s"
_BY_PERFORMANCE = "hash $performance consistent;"
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

    def drainable(self) -> set[str]:
        """Return the names of the services that can be taken out: others take over."""
        return {name for kind in self._kinds() for name in kind.drainable}

    def words(self, drained: Path) -> dict[str, str]:
        """Return the words of the template; a file in `drained` takes the service it names out."""
        kinds = api, fastpath, sale, line = self._kinds()
        return {
            "API_SERVERS": api.servers,
            "API_BACKUPS": fastpath.backups,
            "FASTPATH_SERVERS": fastpath.servers,
            "FASTPATH_SALE_SERVERS": sale.servers,
            "LINE_SERVERS": line.servers,
            "LINE": "on" if len(self.fastpath) > 1 else "off",
            "KEPT_CONNECTIONS": _KEPT,
            "STREAM": f"{HOST}:{self.stream}",
            "REDUCED_UPSTREAMS": "\n    ".join(line for kind in kinds for line in kind.reduced()),
            "DRAINED": "\n        ".join(line for kind in kinds for line in kind.drained(drained)),
        }

    def _kinds(self) -> "tuple[_Kind, _Kind, _Kind, _Kind]":
        # A single API is asked even after a failure: nobody else could answer.
        api = _Kind("api", "api", self.api, _FAILING if len(self.api) > 1 else "max_fails=0")
        backups = _servers(self.api, "backup")
        return (
            api,
            _Kind("fastpath", "fastpath", self.fastpath, _FAILING, backups, api.servers),
            _Kind("fastpath_sale", "sale", self.fastpath_sale, _FAILING, backups, api.servers),
            _Kind("line", "line", self.fastpath, _FAILING, "", api.servers, _BY_PERFORMANCE),
        )


@dataclass(frozen=True)
class _Kind:
    """The servers of one kind, and the lines of those that take over where none of it is left.

    See Note [Drained servers] in nginx.conf.template.
    """

    upstream: str
    variable: str
    ports: Mapping[str, int]
    how: str
    backups: str = ""
    instead: str = ""
    balance: str = ""  # how a server is chosen, where not by turns

    @property
    def servers(self) -> str:
        """The lines of all of them."""
        return _servers(self.ports, self.how)

    @property
    def drainable(self) -> Mapping[str, int]:
        """The servers without which there are others."""
        return self.ports if len(self.ports) > 1 or self.instead else {}

    def reduced(self) -> Iterator[str]:
        """Yield an upstream for each choice of servers that are taken out.

        Where all are and nobody takes over it stays as it is: they were the last that could answer.
        """
        for count in range(1, len(self.drainable) + 1):
            for out in combinations(self.ports, count):
                left = {name: port for name, port in self.ports.items() if name not in out}
                name = "_without_".join((self.upstream, *out))
                servers = self._servers_of(left)
                begun = f"{self.balance} zone {name} 64k;".lstrip()
                yield f"upstream {name} {{ {begun} {servers} {_KEPT} }}"

    def _servers_of(self, left: Mapping[str, int]) -> str:
        if not left:
            return self.instead or self.servers
        return f"{_servers(left, self.how)} {self.backups}".rstrip()

    def drained(self, folder: Path) -> Iterator[str]:
        """Yield the lines that choose the upstream of a request, where there is a choice."""
        servers = f"{self.variable}_servers"
        for name in self.drainable:
            yield f'if (-f "{folder / name}") {{ set ${servers} "${{{servers}}}_without_{name}"; }}'


def _servers(ports: Mapping[str, int], how: str) -> str:
    return "\n        ".join(f"server {HOST}:{port} {how};" for port in ports.values())
