"""Whether a policy of IAM lets somebody do something: denials first, then what is allowed.

As much of IAM's own logic as our policies use: actions, resources with wildcards, NotResource, and
conditions of equality, which hold where the request says the same words, or of several words none
but those (ForAllValues).
"""

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any

Context = Mapping[str, str | list[str]]


def may(
    policies: Iterable[str], action: str, resource: str, context: Context | None = None
) -> bool:
    """Say whether the policies (JSON) together let an action happen to a resource."""
    statements = [one for policy in policies for one in _list(json.loads(policy)["Statement"])]
    fitting = [one for one in statements if _fits(one, action, resource, context or {})]
    effects = {one["Effect"] for one in fitting}
    return "Allow" in effects and "Deny" not in effects


def _fits(statement: dict[str, Any], action: str, resource: str, context: Context) -> bool:
    if not _matches(action.lower(), [one.lower() for one in _list(statement["Action"])]):
        return False
    if "NotResource" in statement:
        if _matches(resource, _list(statement["NotResource"])):
            return False
    elif not _matches(resource, _list(statement["Resource"])):
        return False
    return all(
        _holds(test, context.get(variable), _list(values))
        for test, words in statement.get("Condition", {}).items()
        for variable, values in words.items()
    )


def _holds(test: str, said: str | list[str] | None, wanted: list[str]) -> bool:
    if test == "StringEquals":
        return said in wanted
    if test == "ForAllValues:StringEquals":
        return said is None or set(_list(said)) <= set(wanted)
    raise ValueError(f"a policy has a condition {test}, which this table does not know")


def _matches(word: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(word, pattern) for pattern in patterns)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
