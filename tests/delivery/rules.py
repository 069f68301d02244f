"""What must hold of the rendered objects: each rule returns what is wrong, a line each."""

from collections.abc import Callable, Iterator

from tests.delivery.objects import Object

Rule = Callable[[list[Object]], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Add a rule under the name of its function."""
    RULES[function.__name__] = function
    return function


def violations(objects: list[Object]) -> list[str]:
    """Return what all rules say, with the name of the rule before it."""
    return [f"{name}: {line}" for name, one in RULES.items() for line in one(objects)]
