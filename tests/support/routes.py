"""Every route of the URL configuration, with a URL that matches it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

from kernel.ids import uuid7

_FILLED = {"int": "1", "str": "x", "path": "x"}  # others are UUIDs


@dataclass(frozen=True)
class Route:
    """One route, without the leading slash."""

    route: str

    def __str__(self) -> str:
        return self.route

    def url(self) -> str:
        """Return a path that matches the route, its ids those of nothing."""
        filled = re.sub(
            r"<(?:(\w+):)?\w+>",
            lambda found: _FILLED.get(found[1] or "str") or str(uuid7()),
            self.route,
        )
        return f"/{filled}"

    def is_at(self, path: str) -> bool:
        """Say whether a path of the OpenAPI document is this route."""
        return re.sub(r"<[^>]*>", "{}", f"/{self.route}") == re.sub(r"{[^}]*}", "{}", path)


def routes(under: str = "") -> list[Route]:
    """Return the routes that begin with `under`, each once."""
    found = dict.fromkeys(_routes(get_resolver().url_patterns, ""))
    return [Route(route) for route in found if route.startswith(under)]


def _routes(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for one in patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _routes(one.url_patterns, route)
        else:
            yield route
