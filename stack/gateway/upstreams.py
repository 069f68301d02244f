"""Who stands behind the gateway, and nginx's lines that say so."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from stack.service import HOST

# One that did not answer is left alone for 2 s: the others do its work.
_FAILING = "max_fails=1 fail_timeout=2s"


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

    def words(self, drained: Collection[str]) -> dict[str, str]:
        """Return the words of the template; those in `drained` are sent nothing new."""

        def servers(ports: Mapping[str, int], how: str) -> str:
            return "\n        ".join(
                f"server {HOST}:{port} {how}{' down' if name in drained else ''};"
                for name, port in ports.items()
            )

        # A single API is asked even after a failure: nobody else could answer.
        api = _FAILING if len(self.api) > 1 else "max_fails=0"
        return {
            "API_SERVERS": servers(self.api, api),
            "API_BACKUPS": servers(self.api, "backup"),
            "FASTPATH_SERVERS": servers(self.fastpath, _FAILING),
            "FASTPATH_SALE_SERVERS": servers(self.fastpath_sale, _FAILING),
            "STREAM": f"{HOST}:{self.stream}",
        }
